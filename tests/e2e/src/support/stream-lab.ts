/** A function of which each path shows one thing that streams can do. */
const MIB = 1024 ** 2;
export const PIECE_BYTES = 64 * 1024;
export const PIECES_PER_MIB = MIB / PIECE_BYTES;

/** The code; `recorderClient` is what a `Recorder` gives to functions. */
export const streamLab = (recorderClient: string): string => `
  ${recorderClient}
  const encoder = new TextEncoder();
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const never = new Promise(() => {});
  const streamOf = (make) => new ReadableStream({ start: make });
  const ACTS = {
    async count({ request }) {
      let bytes = 0;
      for await (const chunk of request.body ?? []) bytes += chunk.length;
      return Response.json({ bytes, trailer: request.headers.get("x-trailer"), te: request.headers.get("te") });
    },
    pull({ query, id }) {
      const piece = new Uint8Array(${PIECE_BYTES});
      let made = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          if (made === Number(query.get("pieces"))) return controller.close();
          if (++made % ${PIECES_PER_MIB} === 0) await record(id + "-" + made / ${PIECES_PER_MIB});
          controller.enqueue(piece);
        },
      }, { highWaterMark: 0 }));
    },
    events({ query }) {
      return new Response(streamOf(async (controller) => {
        for (let event = 1; event <= 5; event++) {
          controller.enqueue(encoder.encode("data: " + event + "\\n\\n"));
          await sleep(Number(query.get("gap")));
        }
        controller.close();
      }), { headers: { "content-type": "text/event-stream" } });
    },
    async hang({ context, id }) {
      context.signal.addEventListener("abort", () => record(id + "-aborted"));
      await record(id + "-begun");
      await never;
    },
    async hangMidway({ context, id }) {
      context.signal.addEventListener("abort", () => record(id + "-aborted"));
      await record(id + "-begun");
      return new Response(streamOf((controller) => controller.enqueue(encoder.encode("first"))));
    },
    async hangReading({ request, id }) {
      request.signal.addEventListener("abort", () => record(id + "-aborted"));
      for await (const chunk of request.body) await record(id + "-begun");
    },
    after({ context, query, id }) {
      context.signal.addEventListener("abort", () => record(id + "-aborted"));
      context.waitUntil(query.has("never") ? never : sleep(400).then(() => record(id + "-done")));
      return new Response(instance);
    },
    async slow() {
      await sleep(300);
      return new Response("slow");
    },
    page: () => new Response("hello", { headers: { "x-page": "1" } }),
    known: () => new Response(null, { headers: { "content-length": "1234" } }),
    empty: () => new Response(null, { status: 204, headers: { "x-page": "1" } }),
    unchanged: () => new Response(null, { status: 304, headers: { etag: '"a"', "content-length": "5" } }),
    throws() {
      throw new Error("before the head");
    },
    throwsMidway({ query }) {
      const headers = query.has("length") ? { "content-length": "1000" } : {};
      return new Response(streamOf(async (controller) => {
        controller.enqueue(encoder.encode("first"));
        await sleep(300);
        controller.error(new Error("after the head"));
      }), { headers });
    },
    endsEarly: () => new Response(streamOf(async (controller) => {
      controller.enqueue(encoder.encode("first"));
      await sleep(300);
      controller.close();
    }), { headers: { "content-length": "1000" } }),
    manyHeaders() {
      const headers = new Headers({ trailer: "x-sum" });
      for (let at = 0; at < 320; at++) headers.set("x-h" + at, "a".repeat(1000));
      return new Response("ok", { headers });
    },
    handsOn: ({ query }) => fetch(query.get("from")),
    trailer: () => new Response("ok", { headers: { trailer: "x-sum", "x-kept": "1" } }),
  };
  export default {
    fetch(request, env, context) {
      const { pathname, searchParams: query } = new URL(request.url);
      return ACTS[pathname.split("/").at(-1)]({ request, context, query, id: query.get("id") });
    },
  };`;

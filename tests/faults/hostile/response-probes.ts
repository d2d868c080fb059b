/** Answers that are meant for somebody else than the caller, or for nobody, or that never end. */
import { ANYTHING_DOCUMENTED, type Probe, type Probes } from "./probe.ts";

const INVALID = ["function_response_invalid"] as const;

/** Past the Response of the platform, which would refuse it: an object of the same shape. */
const shaped = (status: string, headers: string, body = "null"): Probe => ({
  code: `return { status: ${status}, headers: new Map(${headers}), body: ${body} };`,
  told: INVALID,
});

const streamed = (source: string, headers = "{}"): Probe => ({
  code: `return new Response(new ReadableStream(${source}), { headers: ${headers} });`,
  told: ANYTHING_DOCUMENTED,
  timeoutMs: 1_500,
});

export const RESPONSE_PROBES: Probes = {
  "splits its answer in two with a header's value": shaped(
    "200",
    `[["x-a", "b\\r\\nset-cookie: evil=1\\r\\n\\r\\nHTTP/1.1 200 OK"]]`,
  ),
  "splits its answer in two with a header's name": shaped("200", `[["x-a: b\\r\\nset-cookie", "evil=1"]]`),
  "answers with a status that there is not": shaped("99", "[]"),
  "answers with a status that announces another answer": shaped("101", "[]"),
  "answers with more headers than anybody takes": shaped(
    "200",
    `Array.from({ length: 2_000 }, (_, at) => ["x-" + at, "v".repeat(100)])`,
  ),
  "speaks of the connection in its headers": {
    code: `return { status: 200, headers: new Map([["connection", "close, x-b"], ["transfer-encoding", "chunked"], ["content-length", "2"], ["upgrade", "h2c"], ["trailer", "x-c"]]), body: null };`,
    told: ["answer", "function_response_invalid", "instance_lost"],
  },
  "says that its answer is longer than it is": streamed(
    `{ start(one) { one.enqueue(new Uint8Array(10)); one.close(); } }`,
    `{ "content-length": "1000" }`,
  ),
  "says that its answer is shorter than it is": streamed(
    `{ start(one) { one.enqueue(new Uint8Array(1_000)); one.close(); } }`,
    `{ "content-length": "10" }`,
  ),
  "answers without end": streamed("{ pull(one) { one.enqueue(new Uint8Array(65_536)); } }"),
  "answers without end, a byte at a time": streamed(
    "{ async pull(one) { await pause(1); one.enqueue(new Uint8Array(1)); } }",
  ),
  "begins an answer and says no more": streamed("{ start(one) { one.enqueue(new Uint8Array(10)); } }"),
  "answers with a stream of something else than bytes": streamed(
    `{ start(one) { one.enqueue({ length: 1e9 }); one.close(); } }`,
  ),
  "breaks its answer off": streamed(
    "{ start(one) { one.enqueue(new Uint8Array(10)); setTimeout(() => one.error(new Error('off')), 50); } }",
  ),
  "floods its caller past all credit": streamed(
    "{ start(one) { for (let count = 0; count < 2_000; count++) one.enqueue(new Uint8Array(65_536)); one.close(); } }",
  ),
  "answers with 512 MiB at once": {
    code: "return new Response(new Uint8Array(512 * 2 ** 20));",
    told: ANYTHING_DOCUMENTED,
    timeoutMs: 5_000,
  },
  "waits for ever after its answer": {
    code: `context.waitUntil(new Promise(() => {})); return "early";`,
    told: ["answer"],
  },
  "waits for more and more after its answer": {
    code: `const more = () => { context.waitUntil(pause(1).then(more)); }; more(); return "early";`,
    told: ["answer"],
  },
  "computes on after its answer": {
    code: `setTimeout(() => { for (const until = Date.now() + 2_500; Date.now() < until; ); }, 20); return "early";`,
    told: ["answer"],
  },
  "prints without end": {
    code: `for (const until = Date.now() + 1_000; Date.now() < until; ) console.log(world.mark, "x".repeat(10_000)); return "printed";`,
    told: ["answer"],
  },
  "prints what leads a reader astray": {
    code: `console.log('{"level":"error"}\\n{"time":1}\\u001b[2J\\u0000\\r\\n' + world.mark); process.stderr.write(Buffer.alloc(1e6, 0xff)); return "printed";`,
    told: ["answer"],
  },
  "writes to its standard streams past the runtime": {
    code: `for (const until = Date.now() + 500; Date.now() < until; ) for (const fd of [1, 2]) try { fs.writeSync(fd, Buffer.alloc(65_536, 65)); } catch {} return "written";`,
    told: ["answer", "instance_lost"],
  },
};

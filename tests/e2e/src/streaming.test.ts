/** Bodies of any size both ways, what happens when one side stops, and what is on the wire when something goes wrong midway. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { until } from "@millrace/testing";
import { assertRefused, untilAnswer } from "./support/expect-answer.ts";
import { send, splitUrl } from "./support/http.ts";
import { growthDuring } from "./support/memory.ts";
import { descendantsOf } from "./support/processes.ts";
import { type FunctionPlan, freshId, provision } from "./support/provision.ts";
import { RawConnection } from "./support/raw-connection.ts";
import { Recorder } from "./support/recorder.ts";
import { PIECE_BYTES, PIECES_PER_MIB, streamLab } from "./support/stream-lab.ts";
import { testPlatform } from "./support/test-platform.ts";

const MIB = 1024 ** 2;
const BODY_MIB = 200;
/** V8 collects buffers that nobody needs after 64 MiB of them; who kept a body would grow by all of it. */
const GROWTH_MIB_MAX = 80;
const SHORT_TIMEOUT_MS = 700;
const ABORT_MS_MAX = 100;

/** When what was recorded. */
const recorded = new Map<string, number>();
const recorder = await Recorder.start((id) => recorded.set(id, performance.now()));
after(() => recorder.close());

const code = streamLab(recorder.client);
const FUNCTIONS: Record<string, FunctionPlan> = {
  lab: { code, config: { timeoutMs: 30_000 } },
  short: { code, config: { timeoutMs: SHORT_TIMEOUT_MS } },
  event: { code: `export const handler = async () => ({ statusCode: 200, headers: {}, body: "ok" });` },
};

const origin = createServer((_, response) => {
  response.writeHead(200, { "content-encoding": "gzip", "x-origin": "1" }).end(gzipSync("a".repeat(1_000)));
}).listen(0, "127.0.0.1");
after(() => origin.close());
await once(origin, "listening");
const originAddress = `127.0.0.1:${(origin.address() as AddressInfo).port}`;
const platform = await testPlatform({ egressAllow: [recorder.address, originAddress] });
const apis = Object.fromEntries(
  Object.keys(FUNCTIONS).flatMap((backend) =>
    ["GET", "POST"].map((method) => [
      `${method}-${backend}`.toLowerCase(),
      { method, path: `/${backend}/{act}`, backend },
    ]),
  ),
);
const shop = await provision(platform.rpc, { functions: FUNCTIONS, apis });
const base = shop.deployment().pathUrl;
for (const backend of ["lab", "short"]) await untilAnswer(() => send({ url: `${base}/${backend}/page` }));
await untilAnswer(() => send({ url: `${base}/event/x` }));

/** What may not grow with a body: the gateway, the runner, and the process that runs the function. */
function pids(): Record<string, number> {
  const runner = platform.service("runner-1").pid!;
  const below = descendantsOf([runner]).map(({ pid }) => [`sandbox ${pid}`, pid] as const);
  return { gateway: platform.service("gateway-1").pid!, runner, ...Object.fromEntries(below) };
}

function assertFlat(growth: Record<string, number>): void {
  const grown = Object.entries(growth).filter(([, mib]) => mib > GROWTH_MIB_MAX);
  assert.deepEqual(grown, [], JSON.stringify(growth));
}

/** Sends so many MiB of nothing, chunked or with its length, and answers what the function says. */
async function upload(mib: number, headers: Record<string, string> = {}): Promise<{ bytes: number }> {
  const { hostname, port, target } = splitUrl(`${base}/lab/count`);
  const request = httpRequest({ hostname, port, path: target, method: "POST", agent: false, headers });
  const answered = new Promise<string>((resolve, reject) =>
    request.on("response", (response) => resolve(text(response))).on("error", reject),
  );
  const piece = Buffer.alloc(PIECE_BYTES);
  await pipeline(Readable.from(Array.from({ length: mib * PIECES_PER_MIB }, () => piece)), request);
  return JSON.parse(await answered) as { bytes: number };
}

/** Until the number has not changed for half a second. */
async function untilStill(read: () => number): Promise<void> {
  let [seen, at] = [read(), performance.now()];
  await until(
    () => {
      if (read() !== seen) [seen, at] = [read(), performance.now()];
      return performance.now() - at > 500;
    },
    { timeoutMs: 10_000, message: () => `${read()} to stay as it is` },
  );
}

const whenRecorded = (id: string): Promise<number> =>
  until(() => recorded.get(id), { timeoutMs: 10_000, message: `${id} to be recorded` });

describe("bodies of any size", () => {
  test(`${BODY_MIB} MiB go up, with their length or in chunks, and no process grows with them`, async (t) => {
    await upload(64);
    for (const headers of [{ "content-length": String(BODY_MIB * MIB) }, {}]) {
      const growth = await growthDuring(pids(), async () =>
        assert.equal((await upload(BODY_MIB, headers)).bytes, BODY_MIB * MIB),
      );
      t.diagnostic(JSON.stringify(growth));
      assertFlat(growth);
    }
  });

  test("a response waits for a caller that does not read, in the function, and then all of it arrives", async (t) => {
    const [id, mib] = [freshId("slow"), BODY_MIB];
    const made = (): number => [...recorded.keys()].filter((key) => key.startsWith(`${id}-`)).length;
    const url = `${base}/lab/pull?id=${id}&pieces=${mib * PIECES_PER_MIB}`;
    const growth = await growthDuring(pids(), async () => {
      const connection = await RawConnection.open(url);
      connection.socket.pause();
      connection.ask("GET", url, ["connection: close"]);
      await until(() => made() > 0);
      // The kernel's buffers take some; then nothing moves any more.
      await untilStill(made);
      assert.ok(made() < mib / 2, `${made()} of ${mib} MiB were made for nobody`);
      connection.socket.resume();
      assert.equal(await connection.end(), "");
      assert.ok(connection.bytes > mib * MIB && connection.text.endsWith("\r\n0\r\n\r\n"), String(connection.bytes));
    });
    t.diagnostic(JSON.stringify(growth));
    assertFlat(growth);
  });

  test("a body waits for a function that does not read it, at its caller", async () => {
    const [id, length] = [freshId("deaf"), BODY_MIB * MIB];
    const connection = await RawConnection.open(base);
    connection.ask("POST", `${base}/lab/hang?id=${id}`, [`content-length: ${length}`]);
    const { socket } = connection;
    const piece = Buffer.alloc(PIECE_BYTES);
    const pump = () => {
      while (socket.bytesWritten < length && socket.write(piece));
    };
    socket.on("drain", pump);
    pump();
    await whenRecorded(`${id}-begun`);
    await untilStill(() => socket.bytesWritten - socket.writableLength);
    // Little has left this process but what the kernel and the credit hold.
    const sent = socket.bytesWritten - socket.writableLength;
    assert.ok(sent > 256 * 1024 && sent < 32 * MIB, `${sent} bytes`);
    connection.close();
  });

  test("events arrive as they are written", async () => {
    const connection = await RawConnection.open(base);
    const startedAt = performance.now();
    connection.ask("GET", `${base}/lab/events?gap=150`, ["connection: close"]);
    const first = await connection.take(/data: 1\n\n/);
    assert.match(first, /content-type: text\/event-stream/);
    assert.doesNotMatch(first, /data: 3/);
    const firstMs = performance.now() - startedAt;
    await connection.take(/data: 5\n\n/);
    assert.ok(performance.now() - startedAt - firstMs > 300, "the last came well after the first");
    assert.equal(await connection.end(), "");
  });

  test("a function without a stream gets bodies up to 10 MiB: more is refused before it is sent", async () => {
    const connection = await RawConnection.open(base);
    connection.ask("POST", `${base}/event/x`, [`content-length: ${20 * MIB}`, "expect: 100-continue"]);
    assert.match(await connection.take(/\}\s*$/), /^HTTP\/1\.1 413.*"body_too_large"/s);
    connection.close();
  });
});

describe("a caller that leaves", () => {
  for (const [act, method] of Object.entries({ hang: "GET", hangMidway: "GET", hangReading: "POST" })) {
    test(`${act}: the function's signal aborts within ${ABORT_MS_MAX} ms`, async (t) => {
      const took: number[] = [];
      for (let round = 0; round < 3; round++) {
        const id = freshId(act);
        const connection = await RawConnection.open(base);
        connection.ask(method, `${base}/lab/${act}?id=${id}`, method === "POST" ? ["content-length: 1000000"] : []);
        if (method === "POST") connection.write("a".repeat(100_000));
        await whenRecorded(`${id}-begun`);
        if (act === "hangMidway") await connection.take(/first/);
        const leftAt = performance.now();
        connection.close();
        took.push((await whenRecorded(`${id}-aborted`)) - leftAt);
      }
      t.diagnostic(took.map((ms) => `${ms.toFixed(1)} ms`).join());
      assert.ok(Math.min(...took) < ABORT_MS_MAX, took.join());
    });
  }
});

describe("waitUntil", () => {
  test("work goes on after the answer, which it does not hold up", async () => {
    const id = freshId("after");
    const answer = await send({ url: `${base}/lab/after?id=${id}` });
    const answeredAt = performance.now();
    assert.equal(answer.status, 200);
    assert.ok((await whenRecorded(`${id}-done`)) > answeredAt, "done after the answer");
  });

  test("work without end ends with the function's time, and its instance with it", async () => {
    const id = freshId("never");
    const startedAt = performance.now();
    const answer = await send({ url: `${base}/short/after?never=1&id=${id}` });
    const answeredAt = performance.now();
    const abortedAt = await whenRecorded(`${id}-aborted`);
    assert.ok(answeredAt < abortedAt && abortedAt - startedAt >= SHORT_TIMEOUT_MS - 50, `${abortedAt - startedAt} ms`);
    for (let count = 0; count < 8; count++) {
      assert.notEqual((await send({ url: `${base}/short/after?id=other` })).text, answer.text);
    }
  });
});

describe("a response that fails midway never looks complete", () => {
  /** Answers what came before the connection was reset. */
  const midway = async (path: string, version = "1.1"): Promise<string> => {
    const connection = await RawConnection.open(base);
    connection.ask("GET", base + path, ["connection: close"], version);
    const before = await connection.take(/first/);
    assert.equal(await connection.end(), "ECONNRESET");
    return before + connection.text;
  };

  test("in chunks: the last chunk is missing", async () => {
    const text = await midway("/lab/throwsMidway");
    assert.match(text, /^HTTP\/1\.1 200.*transfer-encoding: chunked.*\r\n5\r\nfirst\r\n$/is);
  });

  test("with a length: it is cut short, also when the function ends it too early", async () => {
    for (const act of ["throwsMidway?length=1", "endsEarly"]) {
      assert.match(await midway(`/lab/${act}`), /content-length: 1000\r\n.*\r\n\r\nfirst$/is);
    }
  });

  test("with HTTP/1.0: the connection does not end in order", async () => {
    assert.match(await midway("/lab/throwsMidway", "1.0"), /\r\n\r\nfirst$/);
  });

  test("by the function's time: the connection ends with it", async () => {
    const startedAt = performance.now();
    assert.match(await midway("/short/hangMidway?id=x"), /first\r\n$/);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > SHORT_TIMEOUT_MS - 100 && tookMs < SHORT_TIMEOUT_MS + 1_500, `${tookMs} ms`);
  });
});

describe("on the wire", () => {
  test("HEAD has the headers of GET and no body, and the connection goes on", async () => {
    const connection = await RawConnection.open(base);
    connection.ask("HEAD", `${base}/lab/page`);
    const page = await connection.take(/\r\n\r\n/);
    assert.match(page, /^HTTP\/1\.1 200.*x-page: 1.*content-length: 5\r\n/is);
    connection.ask("HEAD", `${base}/lab/known`);
    assert.match(await connection.take(/\r\n\r\n/), /^HTTP\/1\.1 200.*content-length: 1234\r\n/is);
    connection.ask("GET", `${base}/lab/page`);
    assert.match(await connection.take(/hello$/), /^HTTP\/1\.1 200/);
    connection.close();
  });

  test("204 and 304 have no body, and the connection goes on", async () => {
    const connection = await RawConnection.open(base);
    connection.ask("GET", `${base}/lab/empty`);
    const empty = await connection.take(/\r\n\r\n/);
    assert.match(empty, /^HTTP\/1\.1 204.*x-page: 1/is);
    assert.doesNotMatch(empty, /content-length|transfer-encoding/i);
    connection.ask("GET", `${base}/lab/unchanged`, ['if-none-match: "a"']);
    const unchanged = await connection.take(/\r\n\r\n/);
    assert.match(unchanged, /^HTTP\/1\.1 304.*etag: "a".*content-length: 5\r\n/is);
    assert.doesNotMatch(unchanged, /transfer-encoding/i);
    connection.ask("GET", `${base}/lab/page`);
    assert.match(await connection.take(/hello$/), /^HTTP\/1\.1 200/);
    connection.close();
  });

  test("a chunked body arrives whole, its extensions and trailers are dropped, and the connection goes on", async () => {
    const connection = await RawConnection.open(base);
    connection.ask("POST", `${base}/lab/count`, ["transfer-encoding: chunked", "trailer: x-trailer", "te: trailers"]);
    for (const piece of [
      "1;note=x\r\na\r\n",
      "A\r\n0123456789\r\n",
      "2\r",
      "\nbc\r\n",
      "0\r\nx-trailer: late\r\n\r\n",
    ]) {
      connection.write(piece);
    }
    assert.match(await connection.take(/\}$/), /\{"bytes":13,"trailer":null,"te":null\}$/);
    connection.ask("GET", `${base}/lab/trailer`);
    const answer = await connection.take(/ok$/);
    assert.match(answer, /x-kept: 1/);
    assert.doesNotMatch(answer, /trailer|x-sum/);
    connection.close();
  });

  test("requests sent behind each other are answered in turn, also behind a slow one and behind failures", async () => {
    const connection = await RawConnection.open(base);
    for (const path of ["/lab/slow", "/nowhere", "/lab/throws", "/lab/page"]) connection.ask("GET", base + path);
    const answers = await connection.take(/hello$/);
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    assert.deepEqual(statuses, ["200", "404", "502", "200"]);
    assert.ok(answers.indexOf("slow") < answers.indexOf("HTTP/1.1 404"));
    connection.ask("DELETE", `${base}/lab/page`);
    assert.match(await connection.take(/\}\s*$/), /^HTTP\/1\.1 405/);
    connection.ask("GET", `${base}/lab/page`);
    assert.match(await connection.take(/hello$/), /^HTTP\/1\.1 200/);
    connection.close();
  });

  test("who waits for 100 Continue is told to go on when the body is wanted, and otherwise refused at once", async () => {
    const expecting = ["content-length: 5", "expect: 100-continue"];
    const wanted = await RawConnection.open(base);
    wanted.ask("POST", `${base}/lab/count`, expecting);
    assert.equal(await wanted.take(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
    wanted.write("hello");
    assert.match(await wanted.take(/\}$/), /^HTTP\/1\.1 200.*"bytes":5/s);
    wanted.close();
    const unwanted = await RawConnection.open(base);
    unwanted.ask("POST", `${base}/nowhere`, expecting);
    assert.match(await unwanted.take(/\}\s*$/), /^HTTP\/1\.1 404/);
    unwanted.close();
  });

  test("HTTP/1.0 is answered without chunks, and the end of the connection is the end of the body", async () => {
    const connection = await RawConnection.open(base);
    connection.ask("GET", `${base}/lab/events?gap=1`, [], "1.0");
    assert.equal(await connection.end(), "");
    assert.match(connection.text, /^HTTP\/1\.1 200.*\r\n\r\n(data: \d\n\n){5}$/s);
    assert.doesNotMatch(connection.text, /transfer-encoding/i);
  });

  test("more headers than callers can read are the function's failure", async () => {
    const answer = await send({ url: `${base}/lab/manyHeaders` });
    assertRefused(answer, { status: 502, reason: "function_response_invalid", component: "function" });
  });
});

test("what a function fetched and hands on says nothing of the encoding that it came in", async () => {
  const from = `http://${originAddress}/`;
  const { text, headers } = await send({ url: `${base}/lab/handsOn?from=${encodeURIComponent(from)}` });
  assert.equal(text, "a".repeat(1_000));
  assert.deepEqual([headers["content-encoding"], headers["x-origin"]], [undefined, "1"]);
});

test("a runner that is killed midway ends the responses that it was sending, and serves again", async () => {
  const connection = await RawConnection.open(base);
  connection.ask("GET", `${base}/lab/hangMidway?id=x`);
  await connection.take(/first/);
  await platform.service("runner-1").kill();
  assert.equal(await connection.end(), "ECONNRESET");
  await untilAnswer(() => send({ url: `${base}/lab/page` }), 200, { timeoutMs: 20_000 });
});

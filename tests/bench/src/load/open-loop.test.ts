import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { LoadPlan, StreamPlan, StreamResult } from "./load-plan.ts";
import { runOpenLoop } from "./open-loop.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function load(
  stream: Partial<StreamPlan> & { url: string },
  plan: Partial<LoadPlan> = {},
): Promise<StreamResult> {
  const streams = [{ name: "calls", ratePerSecond: 200, timeoutMs: 2_000, ...stream }];
  const whole = { streams, warmUpMs: 100, durationMs: 1_000, connectionsMax: 64, ...plan };
  const { streams: results } = await runOpenLoop(whole, AbortSignal.timeout(20_000));
  return results[0]!;
}

test("requests go out at the asked rate, and every one is counted by its status", async (t) => {
  let seen = 0;
  const url = await serve(t, (_, response) => {
    response.statusCode = seen++ % 4 === 0 ? 503 : 200;
    response.end("hello");
  });
  const { requests, answers } = await load({ url });
  assert.equal(requests, 200);
  assert.equal(seen, 220, "those of the warm-up come on top");
  assert.equal(answers[200]!.count, 150);
  assert.equal(answers[503]!.count, 50);
  assert.ok(answers[200]!.arrivedPerSecond > 120, `${answers[200]!.arrivedPerSecond} arrived in each second`);
});

test("a server that stalls is charged with the wait of everyone who would have called meanwhile", async (t) => {
  let calls = 0;
  const url = await serve(t, (_, response) => {
    // The whole server stands still once, as in a long collection of garbage.
    if (++calls === 60) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    response.end();
  });
  const { answers } = await load({ url }, { connectionsMax: 1 });
  const { p50Ms, p99Ms, count } = answers[200]!;
  // Most of the second's requests fall into the stall; a closed loop would see a single slow answer among them.
  assert.equal(count, 200);
  assert.ok(p50Ms > 100, `p50 ${p50Ms}`);
  assert.ok(p99Ms > 600, `p99 ${p99Ms}`);
});

test("a request without an answer ends at its deadline, and what waits for its connection goes on", async (t) => {
  let calls = 0;
  const url = await serve(t, (_, response) => {
    if (++calls % 10 !== 0) response.end();
  });
  const { requests, answers } = await load({ url, timeoutMs: 300 }, { connectionsMax: 8 });
  assert.equal(answers[200]!.count + answers.timeout!.count, requests);
  assert.ok(answers.timeout!.p50Ms >= 300, `given up after ${answers.timeout!.p50Ms} ms`);
  assert.ok(answers[200]!.count > 100, `${answers[200]!.count} answers`);
});

test("a connection that is cut or refused is no answer", async (t) => {
  const cut = await load({ url: await serve(t, (request) => request.socket.destroy()) });
  assert.equal(cut.answers.reset!.count, 200);
  const refused = await load({ url: "http://127.0.0.1:1/" });
  assert.equal(refused.answers.refused!.count, 200);
});

test("a server that closes each connection gets a new one for each request", async (t) => {
  const url = await serve(t, (_, response) => response.setHeader("connection", "close").end("bye"));
  const { answers } = await load({ url }, { connectionsMax: 4 });
  assert.deepEqual(Object.keys(answers), ["200"]);
  assert.equal(answers[200]!.count, 200);
});

test("an aborted run rejects at once", async (t) => {
  const url = await serve(t, (_, response) => response.end());
  const plan = { streams: [{ name: "calls", url, ratePerSecond: 10, timeoutMs: 1_000 }], connectionsMax: 1 };
  const startedAt = performance.now();
  await assert.rejects(runOpenLoop({ ...plan, warmUpMs: 0, durationMs: 60_000 }, AbortSignal.timeout(300)));
  assert.ok(performance.now() - startedAt < 5_000);
});

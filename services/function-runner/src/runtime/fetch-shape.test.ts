import assert from "node:assert/strict";
import { test } from "node:test";
import { CANCELLATION } from "@millrace/frames";
import { until } from "@millrace/testing";
import { type CallOptions, startTestRunner } from "../runner-fixture.ts";

const runner = await startTestRunner(test);
const deploy = (body: string, options = {}) =>
  runner.deploy(`export default { async fetch(request, env, context) { ${body} } };`, { shape: "fetch", ...options });
const call = (body: string, options?: CallOptions) => runner.call(deploy(body), options);

test("the request is a Web Request of the caller's method, URL, headers and body", async () => {
  const answer = await call(
    `return Response.json({ method: request.method, url: request.url, type: request.headers.get("content-type"), text: await request.text(), env: env.GREETING });`,
    { method: "POST", target: "/a%20b?x=1&x=2", headers: { "content-type": "text/x" }, body: "hello" },
  );
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    method: "POST",
    url: "http://abcdefghijkl-test.local-1.localhost/a%20b?x=1&x=2",
    type: "text/x",
    text: "hello",
  });
});

test("status, headers, several cookies and no body pass through", async () => {
  const answer = await call(
    `const headers = new Headers({ "x-a": "1" }); headers.append("set-cookie", "a=1"); headers.append("set-cookie", "b=2"); return new Response(null, { status: 204, headers });`,
  );
  assert.equal(answer.status, 204);
  assert.deepEqual(answer.headers, { "x-a": ["1"], "set-cookie": ["a=1", "b=2"] });
  assert.equal(answer.body.length, 0);
});

test("a body that is a value goes with the head; one that is made over time is streamed", async () => {
  const whole = await call(`return new Response("whole");`);
  assert.deepEqual([whole.body.toString(), whole.chunks], ["whole", 0]);
  const streamed = await call(`
    let left = 3;
    return new Response(new ReadableStream({ async pull(controller) { await new Promise((r) => setTimeout(r, 10)); left-- > 0 ? controller.enqueue(new TextEncoder().encode("part")) : controller.close(); } }));`);
  assert.equal(streamed.body.toString(), "partpartpart");
  assert.ok(streamed.chunks >= 3);
});

test("a response of 8 MiB arrives whole, no faster than credit allows", async () => {
  const answer = await call(`return new Response(new Uint8Array(8 << 20).fill(7));`);
  assert.equal(answer.body.length, 8 << 20);
  assert.ok(answer.body.every((byte) => byte === 7));
});

test("a request of 8 MiB is read as a stream, and echoed", async () => {
  const piece = new Uint8Array(64 * 1024).fill(5);
  const answer = await call(`return new Response(request.body);`, { method: "PUT", moreBody: Array(128).fill(piece) });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.length, 8 << 20);
});

test("a handler gets the whole of a body that came in chunks", async () => {
  const record = runner.deploy(
    `export const handler = async ({ detail }) => ({ statusCode: 200, body: String(detail.body.length) });`,
  );
  const moreBody = Array.from({ length: 20 }, () => Buffer.from("x".repeat(50_000)));
  assert.equal((await runner.call(record, { method: "POST", moreBody })).body.toString(), "1000000");
});

test("a stream that breaks fails the call", async () => {
  const answer = await call(
    `return new Response(new ReadableStream({ async pull(controller) { await new Promise((r) => setTimeout(r, 10)); controller.error(new Error("broken")); } }));`,
  );
  assert.equal(answer.failed, "function_error");
});

test("what is no Response is function_response_invalid", async () => {
  for (const result of ["undefined", '"text"', "Response.error()", "{ status: 200 }"]) {
    assert.equal((await call(`return ${result};`)).failed, "function_response_invalid", result);
  }
});

test("sixteen calls share an instance, a seventeenth has its own", async () => {
  const wide = await startTestRunner(test, { slots: 32 });
  const record = wide.deploy(
    `export default { async fetch() { globalThis.running = (globalThis.running ?? 0) + 1; await new Promise((resolve) => setTimeout(resolve, 300)); return new Response(String(globalThis.running)); } };`,
    { shape: "fetch" },
  );
  const answers = await Promise.all(Array.from({ length: 17 }, () => wide.call(record)));
  const counts = answers.map(({ body }) => body.toString()).sort();
  assert.deepEqual(counts, [...Array(16).fill("16"), "1"].sort());
});

test("the signal tells of a caller who has gone, and streaming stops", async () => {
  const record = deploy(`
    request.signal.addEventListener("abort", () => console.log("gone:", request.signal.reason.name));
    return new Response(new ReadableStream({ async pull(controller) { await new Promise((r) => setTimeout(r, 5)); controller.enqueue(new Uint8Array(10)); }, cancel() { console.log("stream cancelled"); } }));`);
  await until(async () => (await runner.call(deploy(`return new Response("warm");`))).status === 200);
  const open = runner.begin(record);
  await until(
    () => runner.placing.slotsBusy === 1 && [...runner.pools.poolOf(record).instances].some((i) => i.calls === 1),
  );
  open.cancel(CANCELLATION.callerGone);
  await until(() => runner.placing.slotsBusy === 0);
  await until(
    () => runner.lines().includes("info: gone: AbortError") && runner.lines().includes("info: stream cancelled"),
  );
});

test("a call that times out beside others leaves them in peace", async () => {
  const record = deploy(
    `const { pathname } = new URL(request.url);
     const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
     if (pathname === "/hang") { request.signal.addEventListener("abort", () => { globalThis.timedOut = true; }); await new Promise(() => {}); }
     if (pathname === "/beside") { while (!globalThis.timedOut) await pause(5); await pause(200); }
     return new Response("fine");`,
    { timeoutMs: 400 },
  );
  await runner.call(record);
  const [retired] = runner.pools.poolOf(record).instances;
  const hang = runner.call(record, { target: "/hang" });
  await until(() => runner.placing.slotsBusy === 1);
  const beginsLater = until(async () => performance.now() > began + 250).then(() =>
    runner.call(record, { target: "/beside" }),
  );
  const began = performance.now();
  assert.equal((await hang).failed, "function_timeout");
  assert.equal((await beginsLater).body.toString(), "fine");
  await until(() => retired!.state === "ended");
  assert.equal((await runner.call(record)).status, 200);
});

test("a stream whose function waits is cancelled when the caller leaves", async () => {
  const record = deploy(`
    return new Response(new ReadableStream({
      start(controller) { controller.enqueue(new TextEncoder().encode("first")); console.log("stream begun"); },
      cancel(reason) { console.log("idle stream cancelled: " + reason); },
    }));`);
  const open = runner.begin(record);
  await until(() => [...runner.pools.poolOf(record).instances].some(({ calls }) => calls === 1));
  open.cancel(CANCELLATION.callerGone);
  await until(() => runner.lines().includes("info: idle stream cancelled: The caller is gone."));
});

test("a function that answers plainly does not bring in what is behind fetch; one that looks closer does", async () => {
  const tell = `Response.json(process.moduleLoadList.includes("NativeModule internal/deps/undici/undici"))`;
  const plainly = await call(
    `const url = new URL(request.url); const made = new Response("x", { headers: { "x-path": url.pathname } });
     if (made instanceof Promise || !(made instanceof Response)) throw new Error("is no response"); return ${tell};`,
  );
  assert.equal(plainly.body.toString(), "false");
  assert.equal((await call(`request.headers.get("host"); return ${tell};`)).body.toString(), "true");
});

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { type FinishedSpan, readTraceparent, TRACE_LIMITS } from "@millrace/telemetry/tracing";
import { until } from "@millrace/testing";
import { httpRoute, LOOPBACK_ALLOWED, startBackend } from "../testing/backend-fixture.ts";
import { HELLO, startGateway } from "../testing/gateway-fixture.ts";
import { Traces } from "./traces.ts";

const gateway = await startGateway({ after }, { outbound: { allow: LOOPBACK_ALLOWED } });
let seenByBackend = "";
const backend = await startBackend({ after }, ({ headers }, response) => {
  seenByBackend = `${headers.traceparent} ${headers.tracestate}`;
  response.writeHead(204).end();
});
await gateway.putVersion({ functionId: "hello", project: "shop" });
await gateway.release([
  { apiName: "hello", method: "GET", path: "/hello/{name}", backend: { $case: "function", value: HELLO } },
  { apiName: "make", method: "POST", path: "/hello/{name}", backend: { $case: "function", value: HELLO } },
  httpRoute(backend.url, { apiName: "afar", method: "GET", path: "/afar" }),
  { apiName: "still", method: "GET", path: "/still", backend: { $case: "mock", value: { status: 200 } } },
]);
const runner = await gateway.startRunner();

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALLER_ID = "b7ad6b7169203331";
const traceparent = (sampled: boolean) => `00-${TRACE_ID}-${CALLER_ID}-0${sampled ? 1 : 0}`;
const sampled = { traceparent: traceparent(true) };

beforeEach(() => {
  runner.behaviour = (invocation) => invocation.answer(200, [], "hello");
});

/** What the request left; the access log is written behind the spans. */
async function spansOf(ask: Parameters<typeof gateway.ask>[0]): Promise<FinishedSpan[]> {
  gateway.spans.length = 0;
  const answer = await gateway.ask(ask);
  await until(() => gateway.lines.some(({ requestId }) => requestId === answer.headers["x-millrace-request-id"]));
  return [...gateway.spans];
}

test("the spans of a call of a function are its phases, one behind the other, within the request", async () => {
  let seen = "";
  runner.behaviour = (invocation) => {
    seen = invocation.invoke.traceparent;
    invocation.accept().answer(200, [], "hello");
  };
  const spans = await spansOf({ method: "POST", path: "/hello/ada?token=canary", headers: sampled, body: "{}" });
  const [request] = spans;
  assert.deepEqual([request!.name, request!.kind, request!.parentSpanId], ["POST /hello/{name}", "server", CALLER_ID]);
  const { "http.response.status_code": status, "url.path": path } = request!.attributes;
  assert.deepEqual([status, path], [200, "/hello/ada"]);
  assert.doesNotMatch(JSON.stringify(spans), /canary/);
  const call = spans.find(({ kind }) => kind === "client")!;
  assert.deepEqual([call.name, call.parentSpanId], ["call fn-hello@1", request!.spanId]);
  assert.deepEqual(readTraceparent(seen), { traceId: TRACE_ID, spanId: call.spanId, sampled: true });
  const phases = spans.filter(({ kind }) => kind === "internal");
  assert.deepEqual(
    phases.map(({ name, parentSpanId }) => [name, parentSpanId === call.spanId ? "call" : "request"]),
    [
      ["access", "request"],
      ["body", "request"],
      ["queue", "call"],
      ["dispatch", "call"],
      ["answer", "request"],
    ],
  );
  let atMs = request!.startedAtMs;
  for (const { name, startedAtMs, endedAtMs } of phases) {
    assert.ok(startedAtMs >= atMs - 0.001 && startedAtMs <= endedAtMs, name);
    atMs = endedAtMs;
  }
  assert.ok(Math.abs(atMs - request!.endedAtMs) < 0.001, "the last phase ends with the request");
});

test("the call of an http backend is a span, and what the backend is told is the parent of its own", async () => {
  const [request, ...others] = await spansOf({ path: "/afar", headers: { ...sampled, tracestate: "vendor=1" } });
  const call = others.find(({ kind }) => kind === "client")!;
  assert.deepEqual([call.name, call.parentSpanId], [`call 127.0.0.1:${backend.port}`, request!.spanId]);
  assert.equal(call.attributes["http.response.status_code"], 204);
  assert.equal(seenByBackend, `00-${TRACE_ID}-${call.spanId}-01 vendor=1`);
});

test("a mock has no call; what nobody sampled and went well has no spans", async () => {
  const names = async (ask: Parameters<typeof spansOf>[0]) => (await spansOf(ask)).map(({ name }) => name);
  assert.deepEqual(await names({ path: "/still", headers: sampled }), ["GET /still", "access", "answer"]);
  assert.deepEqual(await names({ path: "/still" }), []);
  assert.deepEqual(await names({ path: "/still", headers: { traceparent: traceparent(false) } }), []);
  assert.deepEqual(await names({ path: "/nowhere" }), []);
});

test("what failed is exported whoever sampled, with its reason", async () => {
  runner.behaviour = (invocation) => invocation.fail("function_error", "It threw.");
  const [request, call] = await spansOf({ path: "/hello/ada", headers: { traceparent: traceparent(false) } });
  assert.deepEqual([request!.error, call!.error], ["function_error", "function_error"]);
  assert.equal(request!.attributes["error.type"], "function_error");
  runner.behaviour = (invocation) => invocation.answer(503, [], "");
  assert.equal((await spansOf({ path: "/hello/ada" }))[0]!.error, "status 503");
});

test("callers cannot have more traced than the bound, and what they do not get is not sampled further on", () => {
  const traces = new Traces({ spans: { add() {} }, ratio: 0, nowMs: () => 0, random: () => 0.5 });
  const parent = { traceId: TRACE_ID, spanId: CALLER_ID, sampled: true };
  const begun = Array.from({ length: 100 }, () => traces.begin(parent));
  assert.equal(begun.filter((span) => span.sampled).length, TRACE_LIMITS.calledSampledPerSecond);
  assert.ok(begun.every(({ traceId }) => traceId === TRACE_ID));
});

test("a gateway that exports nothing hands on what its callers say", () => {
  const traces = new Traces({ spans: null, ratio: 1, nowMs: () => 0, random: () => 0 });
  const parent = { traceId: TRACE_ID, spanId: CALLER_ID };
  assert.deepEqual(
    [true, false].map((isSampled) => traces.begin({ ...parent, sampled: isSampled }).sampled),
    [true, false],
  );
  assert.equal(traces.begin(null).sampled, false);
  assert.notEqual(traces.begin(null).traceId, traces.begin(null).traceId);
});

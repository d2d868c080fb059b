import assert from "node:assert/strict";
import { test } from "node:test";
import { spanBelow } from "@millrace/telemetry/tracing";
import { until } from "@millrace/testing";
import { OWN_SPAN_LIMITS } from "../limits.ts";
import { startTestRunner } from "../runner-fixture.ts";

const runner = await startTestRunner(test);
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALL_ID = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE_ID}-${CALL_ID}-01`;
const UNSAMPLED = `00-${TRACE_ID}-${CALL_ID}-00`;

async function spansOf(code: string, { traceparent = SAMPLED, shape = "handler", timeoutMs = 3_000 } = {}) {
  runner.spans.length = 0;
  const record = runner.deploy(code, { shape, timeoutMs });
  await runner.call(record, { traceparent });
  await until(() => runner.placing.calls === 0);
  return runner.spans;
}

const MEASURES = `export const handler = async (event, context) => {
  const found = await context.trace.span("find pet", async (span) => {
    span.setAttribute("pet.id", 7);
    return context.trace.span("ask store", () => "Ada", { "store.shard": 2 });
  });
  return { statusCode: 200, headers: {}, body: found };
};`;

test("of a sampled call the runner tells when it ran, and the function what it measured", async () => {
  const spans = await spansOf(MEASURES);
  const named = (name: string) => spans.find((span) => span.name === name)!;
  assert.ok(spans.every(({ traceId }) => traceId === TRACE_ID));
  const [run, own, find, ask] = ["run greet", "function greet", "find pet", "ask store"].map(named);
  assert.deepEqual([run!.parentSpanId, run!.kind], [CALL_ID, "server"]);
  assert.deepEqual([own!.parentSpanId, own!.spanId], [run!.spanId, spanBelow(CALL_ID)]);
  assert.deepEqual([find!.parentSpanId, ask!.parentSpanId], [own!.spanId, find!.spanId]);
  assert.equal(find!.attributes["pet.id"], 7);
  assert.equal(ask!.attributes["store.shard"], 2);
  assert.equal(ask!.attributes["millrace.request_id"], "request-1");
  assert.ok(named("start instance"), "it was the first call");
  assert.equal(run!.attributes["faas.coldstart"], true);
  for (const { startedAtMs, endedAtMs } of spans) {
    assert.ok(run!.startedAtMs <= startedAtMs && startedAtMs <= endedAtMs && endedAtMs <= run!.endedAtMs + 1);
  }
});

test("of a call that was not sampled, went well and was fast, nothing is told", async () => {
  assert.deepEqual(await spansOf(MEASURES, { traceparent: UNSAMPLED }), []);
  assert.deepEqual(await spansOf(MEASURES, { traceparent: "" }), []);
});

test("of a call that failed everything is told although it was not sampled", async () => {
  const failing = `export default { async fetch(request, env, { trace }) {
    await trace.span("pay", async () => { throw new RangeError("no money"); });
  } };`;
  const spans = await spansOf(failing, { traceparent: UNSAMPLED, shape: "fetch" });
  assert.equal(spans.find(({ name }) => name === "run greet")?.error, "function_error");
  assert.equal(spans.find(({ name }) => name === "pay")?.error, "RangeError: no money");
  const status = `export default { fetch: () => new Response("", { status: 503 }) };`;
  const [run] = await spansOf(status, { traceparent: UNSAMPLED, shape: "fetch" });
  assert.equal(run?.error, "status 503");
});

test("a function that hangs shows where", async () => {
  const hanging = `export const handler = (event, { trace }) => trace.span("outer", () => trace.span("wait for ever", () => new Promise(() => {})));`;
  const spans = await spansOf(hanging, { traceparent: UNSAMPLED, timeoutMs: 200 });
  assert.equal(spans.find(({ name }) => name === "run greet")?.error, "function_timeout");
  assert.equal(spans.find(({ name }) => name === "wait for ever")?.error, "it did not end");
});

test("a function makes so many spans and no more, and is told in the trace how many were left out", async () => {
  const greedy = `export const handler = async (event, { trace }) => {
    for (let at = 0; at < 1000; at++) trace.span("x".repeat(5000), () => at, { text: "y".repeat(5000) });
    return { statusCode: 200, headers: {}, body: "" };
  };`;
  const spans = await spansOf(greedy);
  const own = spans.filter(({ name }) => name.startsWith("xx"));
  assert.ok(own.length > 0 && own.length <= OWN_SPAN_LIMITS.spansMax);
  const told = spans.find(({ name }) => name === "function greet")!;
  assert.equal(told.attributes["millrace.spans_dropped"], 1_000 - own.length);
});

test("a function's span hands on what it answers and what it throws", async () => {
  const code = `export const handler = async (event, { trace }) => {
    const thrown = await trace.span("a", async () => { throw new Error("b"); }).catch((error) => error.message);
    let sync; try { trace.span("c", () => { throw new Error("d"); }); } catch (error) { sync = error.message; }
    return { statusCode: 200, headers: {}, body: JSON.stringify([trace.span("e", () => 1), await trace.span("f", async () => 2), thrown, sync]) };
  };`;
  const answer = await runner.call(runner.deploy(code), { traceparent: SAMPLED });
  assert.equal(answer.body.toString(), '[1,2,"b","d"]');
});

test("the context says which trace the call belongs to", async () => {
  const code = `export const handler = async (event, { trace }) => {
    const { traceId, spanId, sampled, traceparent, tracestate } = trace;
    const inner = trace.span("inner", (span) => [trace.spanId === span.id, trace.traceparent.includes(span.id)]);
    return { statusCode: 200, headers: {}, body: JSON.stringify({ traceId, spanId, sampled, traceparent, tracestate, inner }) };
  };`;
  const record = runner.deploy(code);
  const answer = await runner.call(record, { traceparent: SAMPLED, headers: { tracestate: "vendor=1" } });
  const spanId = spanBelow(CALL_ID);
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    traceId: TRACE_ID,
    spanId,
    sampled: true,
    traceparent: `00-${TRACE_ID}-${spanId}-01`,
    tracestate: "vendor=1",
    inner: [true, true],
  });
});

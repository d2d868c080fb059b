import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { startTelemetry } from "@millrace/telemetry";
import fc from "fast-check";
import { recordSpans } from "./recorded-spans.ts";
import { type BeginSpan, beginUnrecordedSpan, readTraceparent, writeTraceparent } from "./trace-context.ts";

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
    .filter((text) => !/^0+$/.test(text));

test("what is written reads back", () => {
  const parents = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }, { noNullPrototype: true });
  fc.assert(fc.property(parents, (parent) => assert.deepEqual(readTraceparent(writeTraceparent(parent)), parent)));
});

test("other versions are read as far as they are known, and what is broken is no parent", () => {
  const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  assert.equal(readTraceparent(`cc-${ids}-01-what-comes-later`)?.sampled, true);
  assert.equal(readTraceparent(`00-${ids}-02`)?.sampled, false);
  for (const broken of [`ff-${ids}-01`, `00-${ids}`, `00-${ids}-01x`, `00-${ids.toUpperCase()}-01`, "", "00"]) {
    assert.equal(readTraceparent(broken), null, broken);
  }
});

const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };

function goesOnWithTheTrace(begin: BeginSpan): void {
  for (const sampled of [true, false]) {
    const span = begin({ ...parent, sampled }, "GET");
    assert.deepEqual([span.traceId, span.sampled], [parent.traceId, sampled]);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.notEqual(span.spanId, parent.spanId);
    span.end({ status: 200, route: sampled ? "/sampled/{id}" : "/unsampled", reason: "" });
  }
  assert.notEqual(begin(null, "GET").traceId, begin(null, "GET").traceId);
}

test("a span that nobody records goes on with the caller's trace", () => goesOnWithTheTrace(beginUnrecordedSpan));

test("a recorded span goes on with the caller's trace, and is exported when the caller says so", async (t) => {
  const exported: string[] = [];
  const collector = createServer((request, response) => {
    request.setEncoding("latin1").on("data", (text) => exported.push(text));
    request.on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  t.after(() => void collector.close());
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as { port: number }).port}`;
  const telemetry = startTelemetry("test", process.env);
  goesOnWithTheTrace(recordSpans(telemetry.tracer));
  await telemetry.close();
  assert.match(exported.join(""), /GET \/sampled\/\{id\}/);
  assert.doesNotMatch(exported.join(""), /unsampled/);
});

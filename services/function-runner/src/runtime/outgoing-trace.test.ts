import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { spanBelow } from "@millrace/telemetry/tracing";
import { until } from "@millrace/testing";
import { startTestRunner } from "../runner-fixture.ts";

// A server that tells what it was sent.
const server = createServer((request, response) => {
  const { traceparent = "", tracestate = "" } = request.headers;
  response.end(JSON.stringify([traceparent, tracestate]));
});
await once(server.listen(0, "127.0.0.1"), "listening");
test.after(() => void server.close());
const { port } = server.address() as AddressInfo;
const runner = await startTestRunner(test, { egress: { allow: [`127.0.0.1:${port}`] } });

const CODE = `
  import { get } from "node:http";
  const byHttp = (url, headers) => new Promise((resolve, reject) =>
    get(url, { headers }, async (answer) => resolve((await answer.toArray()).join(""))).on("error", reject));
  const byFetch = async (url, headers) => (await fetch(url, { headers })).text();
  export default { async fetch(request, env, { trace }) {
    const { url, headers, inSpan } = await request.json();
    const ask = async () => [await byFetch(url, headers), await byHttp(url, headers)].map((text) => JSON.parse(text));
    const seen = inSpan ? await trace.span("ask", async (span) => [...await ask(), span.id]) : await ask();
    return Response.json(seen);
  } };`;

const IDS = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"] as const;
const TRACEPARENT = `00-${IDS[0]}-${IDS[1]}-01`;
const record = runner.deploy(CODE, { shape: "fetch" });

async function seen(
  asked: { url?: string; headers?: object; inSpan?: boolean },
  traceparent: string,
): Promise<unknown[]> {
  runner.spans.length = 0;
  const body = JSON.stringify({ url: `http://127.0.0.1:${port}/secret`, headers: {}, ...asked });
  const answer = await runner.call(record, { method: "POST", traceparent, headers: { tracestate: "vendor=1" }, body });
  await until(() => runner.placing.calls === 0);
  return answer.body.length === 0 ? [] : JSON.parse(answer.body.toString());
}

const clientSpans = () => runner.spans.filter(({ kind }) => kind === "client");
const sentAlong = (sampled = 1) =>
  clientSpans().map(({ spanId }) => [`00-${IDS[0]}-${spanId}-0${sampled}`, "vendor=1"]);

test("what a function calls joins the trace as a span of its own, with fetch and with node:http", async () => {
  const told = await seen({}, TRACEPARENT);
  assert.deepEqual(told, sentAlong());
  for (const { name, parentSpanId, attributes } of clientSpans()) {
    assert.equal(name, `GET 127.0.0.1:${port}`);
    assert.equal(parentSpanId, spanBelow(IDS[1]));
    assert.equal(attributes["http.response.status_code"], 200);
    assert.doesNotMatch(JSON.stringify(attributes), /secret/);
  }
});

test("what is called within a span of the function's is below that span", async () => {
  const [one, other, spanId] = await seen({ inSpan: true }, TRACEPARENT);
  assert.deepEqual([one, other], sentAlong());
  assert.deepEqual(
    clientSpans().map(({ parentSpanId }) => parentSpanId),
    [spanId, spanId],
  );
});

test("a call that fails says so in its span", async () => {
  await seen({ url: "http://127.0.0.1:59999/" }, TRACEPARENT.replace(/01$/, "00"));
  const [span] = clientSpans();
  assert.equal(span!.name, "GET 127.0.0.1:59999");
  assert.ok(span!.error);
});

test("a call that says itself which trace it belongs to is left alone", async () => {
  const other = `00-${"1".repeat(32)}-${"2".repeat(16)}-00`;
  assert.deepEqual(await seen({ headers: { TraceParent: other } }, TRACEPARENT), [
    [other, ""],
    [other, ""],
  ]);
  assert.deepEqual(clientSpans(), []);
});

test("without a trace nothing is sent along, and of an unsampled call nothing is told", async () => {
  assert.deepEqual(await seen({}, ""), [
    ["", ""],
    ["", ""],
  ]);
  const told = await seen({}, TRACEPARENT.replace(/01$/, "00"));
  assert.match(String(told[0]), new RegExp(`^00-${IDS[0]}-[0-9a-f]{16}-00,vendor=1$`));
  assert.deepEqual(runner.spans, []);
});

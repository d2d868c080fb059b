import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { spanBelow } from "@millrace/telemetry/tracing";
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

async function seen(asked: { headers?: object; inSpan?: boolean }, traceparent: string): Promise<unknown[]> {
  const body = JSON.stringify({ url: `http://127.0.0.1:${port}/`, headers: {}, ...asked });
  const answer = await runner.call(record, { method: "POST", traceparent, headers: { tracestate: "vendor=1" }, body });
  return JSON.parse(answer.body.toString());
}

test("what a function calls joins the trace, with fetch and with node:http", async () => {
  const own = [`00-${IDS[0]}-${spanBelow(IDS[1])}-01`, "vendor=1"];
  assert.deepEqual(await seen({}, TRACEPARENT), [own, own]);
});

test("what is called within a span of the function's is below that span", async () => {
  const [one, other, spanId] = await seen({ inSpan: true }, TRACEPARENT);
  const within = [`00-${IDS[0]}-${spanId}-01`, "vendor=1"];
  assert.deepEqual([one, other], [within, within]);
});

test("a call that says itself which trace it belongs to is left alone", async () => {
  const other = `00-${"1".repeat(32)}-${"2".repeat(16)}-00`;
  assert.deepEqual(await seen({ headers: { TraceParent: other } }, TRACEPARENT), [
    [other, ""],
    [other, ""],
  ]);
});

test("without a trace nothing is sent along", async () => {
  assert.deepEqual(await seen({}, ""), [
    ["", ""],
    ["", ""],
  ]);
});

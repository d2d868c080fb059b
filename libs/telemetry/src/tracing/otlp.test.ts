import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { exportsTraces, openOtlpExporter, resourceOf } from "./otlp.ts";
import { SpanExports } from "./span-exports.ts";

const SPAN = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: "",
  name: "GET /pets",
  kind: "server",
  startedAtMs: 1_700_000_000_000,
  endedAtMs: 1_700_000_000_001,
  attributes: { "millrace.request_id": "r-1" },
} as const;

test("spans go out by the protocol and to the endpoint that the standard variables name", async (t) => {
  const bodies = new Map<string, string>();
  const collector = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString("latin1");
    bodies.set(String(request.headers["content-type"]), `${request.url} ${body}`);
    response.end();
  });
  await once(collector.listen(0, "127.0.0.1"), "listening");
  t.after(() => void collector.close());
  const { port } = collector.address() as { port: number };
  // The exporters read the process's own.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
  t.after(() => void delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
  for (const OTEL_EXPORTER_OTLP_PROTOCOL of ["http/protobuf", "http/json"]) {
    const openExporter = () => openOtlpExporter({ OTEL_EXPORTER_OTLP_PROTOCOL });
    const exports = new SpanExports({ resource: resourceOf("gateway"), openExporter });
    exports.add([SPAN]);
    await exports.close();
    assert.equal(exports.counters.exported, 1, OTEL_EXPORTER_OTLP_PROTOCOL);
  }
  assert.deepEqual([...bodies.keys()], ["application/x-protobuf", "application/json"]);
  for (const body of bodies.values()) assert.match(body, /^\/v1\/traces .*service\.name.*gateway.*GET \/pets/s);
});

test("grpc is spoken when it is asked for", async () => {
  const exporter = await openOtlpExporter({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" });
  assert.equal(typeof exporter.export, "function");
  await exporter.shutdown();
});

test("traces go nowhere without an endpoint, and when the standard variables say so", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
  assert.equal(exportsTraces({}), false);
  assert.equal(exportsTraces(endpoint), true);
  assert.equal(exportsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces" }), true);
  assert.equal(exportsTraces({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }), false);
  assert.equal(exportsTraces({ ...endpoint, OTEL_SDK_DISABLED: "true" }), false);
});

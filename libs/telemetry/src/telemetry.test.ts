import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { startTelemetry } from "./telemetry.ts";
import { bucketOf, DURATION_BUCKETS } from "./usage/duration-buckets.ts";

test("what is counted elsewhere, and how the process does, is scraped, and pushed to a collector that is named", async (t) => {
  const pushes: { path: string; text: string }[] = [];
  const collector = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece) => {
      text += piece;
    });
    request.on("end", () => {
      pushes.push({ path: request.url ?? "", text });
      response.setHeader("content-type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  t.after(() => void collector.close());
  const environment = {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${(collector.address() as { port: number }).port}/v1/metrics`,
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
    OTEL_METRIC_EXPORT_INTERVAL: "100",
  };
  Object.assign(process.env, environment);
  const telemetry = startTelemetry("test", environment);
  const durations = new Array<number>(DURATION_BUCKETS).fill(0);
  for (const ms of [0.5, 2.5, 4, 900, 1e6]) durations[bucketOf(ms)]!++;
  const points = [{ labels: { api: "pets" }, durations, durationUs: 1_000_907_000 }];
  telemetry.addHistogram({ name: "test_duration", description: "Of tests", read: () => points });

  const text = await telemetry.metrics();
  const bucket = (le: string) =>
    new RegExp(`millrace_test_duration_bucket\\{api="pets".*le="${le}".*\\} (\\d+)`).exec(text)?.[1];
  assert.deepEqual(["0.001", "0.002", "0.005", "0.5", "1", "30", "\\+Inf"].map(bucket), [
    "1",
    "1",
    "3",
    "3",
    "4",
    "4",
    "5",
  ]);
  assert.match(text, /millrace_test_duration_sum\{api="pets".*\} 1000\.907/);
  assert.match(text, /millrace_process_event_loop_delay_seconds\{quantile="0\.99".*\} [\d.e-]+\n/);
  assert.match(text, /millrace_process_cpu_seconds_total/);

  const pushed = await until(() => pushes.find((push) => push.text.includes("test_duration")));
  assert.equal(pushed.path, "/v1/metrics");
  assert.match(pushed.text, /process_event_loop_delay_seconds/);
  assert.match(pushed.text, /"service\.name"/);
  const before = pushes.length;
  await telemetry.close();
  assert.ok(pushes.length > before, "what was counted since the last push goes out with the process");
});

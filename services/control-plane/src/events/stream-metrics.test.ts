import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SUBJECTS } from "@millrace/bus";
import { RequestUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import { startTelemetry } from "@millrace/telemetry";
import { until } from "@millrace/testing";
import { jetstream } from "@nats-io/jetstream";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { registerStreamMetrics } from "./stream-metrics.ts";

const { app, bus, database } = await startControlPlane({ after });

test("what of a stream is not stored yet is shown, and that it is not known while the bus is away", async () => {
  const telemetry = startTelemetry("test", {});
  after(() => telemetry.close());
  registerStreamMetrics(telemetry, app.link);
  const waiting = async () =>
    /^millrace_control_plane_stream_waiting\{stream="usage".*\} (\S+)$/m.exec(await telemetry.metrics())?.[1];
  await until(async () => (await waiting()) === "0");
  const { sql } = database;
  await sql.begin(async (tx) => {
    // Who stores waits for the lock.
    await tx`lock table request_usage_minutes in access exclusive mode`;
    for (let n = 0; n < 3; n++) await jetstream(bus).publish(SUBJECTS.usage("gateway", "gateway-1"), usageOf(n));
    await until(async () => (await waiting()) === "3");
  });
  await until(async () => (await waiting()) === "0", { timeoutMs: 10_000 });
  await app.link.close();
  assert.equal(await waiting(), "NaN");
});

function usageOf(number: number): Uint8Array {
  const minuteS = Math.floor(Date.now() / 60_000) * 60;
  const requests = [RequestUsage.fromPartial({ hostLabel: "waits", count: number })];
  return UsageBatch.encode({ epoch: 1, number, minuteS, requests, invocations: [] }).finish();
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import { measureCalls } from "./call-metrics.ts";
import { startTelemetry } from "./telemetry.ts";

test("calls are counted by method and code, and what else listens hears of each", async (t) => {
  const telemetry = startTelemetry("test", {});
  t.after(() => telemetry.close());
  const heard: string[] = [];
  const onEnd = measureCalls(telemetry, ({ method }) => heard.push(method));
  const call = { method: "/pets.v1.Pets/Get", isStream: false, startedAtMs: 10, endedAtMs: 13, error: undefined };
  onEnd(call);
  onEnd({ ...call, error: new PlatformError("not_found", "There is none.", { reason: "pet_not_found" }) } as never);
  onEnd({ ...call, method: "/pets.v1.Pets/Tail", isStream: true, endedAtMs: 9e6 });
  const text = await telemetry.metrics();
  const shown = (name: string, labels: string) =>
    new RegExp(`^millrace_${name}\\{${labels}.*\\} (\\S+)$`, "m").exec(text)?.[1];
  assert.equal(shown("rpc_calls_total", 'method="pets.v1.Pets/Get",code="ok"'), "1");
  assert.equal(shown("rpc_calls_total", 'method="pets.v1.Pets/Get",code="not_found"'), "1");
  assert.equal(shown("rpc_calls_total", 'method="pets.v1.Pets/Tail",code="ok"'), "1");
  assert.equal(shown("rpc_call_duration_seconds_sum", 'method="pets.v1.Pets/Get"'), "0.006");
  assert.equal(shown("rpc_call_duration_seconds_count", 'method="pets.v1.Pets/Tail"'), "0");
  assert.equal(heard.length, 3);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type InvocationUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { USAGE_LIMITS } from "../limits.ts";
import type { InvocationOutcome } from "./invocation.ts";
import { VersionUsage } from "./version-usage.ts";

const DONE = { memoryKib: 2048, droppedLines: 0, cpuUs: 700, shared: false, openUs: 0, workUs: 0, coreUs: 0 };
const OUTCOME: InvocationOutcome = {
  ...{ status: 200, reason: "", durationMs: 2, waitMs: 0.5, cold: false, done: DONE },
  ...{ bytesIn: 10, bytesOut: 20 },
};
const recordOf = (functionUid: string, version = 1) => ({ functionUid, version }) as FunctionVersionRecord;

function counted() {
  const told: InvocationUsage[] = [];
  const clock = { nowMs: 60_000_000 };
  const publish = async (bytes: Uint8Array) => void told.push(...UsageBatch.decode(bytes).invocations);
  return { told, clock, usage: new VersionUsage({ nowMs: () => clock.nowMs, publish, log: { warn() {} } }) };
}

test("invocations of a version are counted by how they ended, with what they cost", async () => {
  const { told, usage } = counted();
  const [one, two] = [recordOf("fn", 1), recordOf("fn", 2)];
  usage.add(one, OUTCOME);
  usage.add(one, { ...OUTCOME, cold: true, done: { ...DONE, memoryKib: 4096 } });
  for (const reason of [
    "function_error",
    "function_response_invalid",
    "function_init_failed",
    "function_timeout",
    "function_out_of_memory",
    "instance_lost",
    "internal",
    "caller_gone",
  ]) {
    usage.add(one, { ...OUTCOME, reason, waitMs: 2, done: undefined });
  }
  usage.addThrottled(two);
  usage.addThrottled(recordOf("fn", 2));
  await usage.close();
  const { durations, ...counts } = told.find(({ version }) => version === 1)!;
  assert.deepEqual(counts, {
    functionUid: "fn",
    version: 1,
    count: 10,
    functionErrors: 2,
    initFailures: 1,
    timeouts: 1,
    outOfMemory: 1,
    lost: 2,
    cancelled: 1,
    throttled: 0,
    coldStarts: 1,
    begun: 2,
    durationUs: 20_000,
    waitUs: 17_000,
    cpuUs: 1_400,
    bytesIn: 100,
    bytesOut: 200,
    memoryKibMax: 4096,
  });
  assert.deepEqual([durations[1], durations.reduce((sum, count) => sum + count, 0)], [10, 10]);
  const second = told.find(({ version }) => version === 2)!;
  assert.deepEqual([second.count, second.throttled], [0, 2], "another record of a version is the same series");
});

test("a minute that is over while nothing was called takes nothing more", async () => {
  const { told, clock, usage } = counted();
  const record = recordOf("fn");
  usage.add(record, OUTCOME);
  clock.nowMs += 60_000;
  await usage.tell();
  usage.add(record, OUTCOME);
  await usage.close();
  assert.deepEqual(
    told.map(({ count }) => count),
    [1, 1],
  );
});

test("versions beyond the bound are left out, and counted", async () => {
  const { told, usage } = counted();
  for (let n = 0; n < USAGE_LIMITS.versionsMax + 5; n++) usage.add(recordOf(`fn-${n}`), OUTCOME);
  await usage.close();
  assert.deepEqual([told.length, usage.dropped], [USAGE_LIMITS.versionsMax, 5]);
});

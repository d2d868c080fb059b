import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { USAGE_LIMITS } from "../limits.ts";
import { FunctionUsage } from "./function-usage.ts";
import type { InvocationOutcome } from "./invocation.ts";

const DONE = { memoryKib: 2048, droppedLines: 0, cpuUs: 700, shared: false, openUs: 0, workUs: 0, coreUs: 0 };
const OUTCOME: InvocationOutcome = {
  ...{ status: 200, reason: "", durationMs: 2, waitMs: 0, cold: false, done: DONE },
  ...{ bytesIn: 10, bytesOut: 20 },
};

function recordOf(name: string): FunctionVersionRecord {
  return { project: "shop", functionId: name, functionUid: `fn-${name}` } as FunctionVersionRecord;
}

test("invocations are summed by function, and failures by their reason", () => {
  const usage = new FunctionUsage();
  usage.add(recordOf("a"), OUTCOME);
  usage.add(recordOf("a"), { ...OUTCOME, cold: true, done: { ...DONE, memoryKib: 4096 } });
  usage.add(recordOf("a"), { ...OUTCOME, reason: "function_timeout", done: undefined });
  const [totals] = [...usage.totals];
  const { durations, ...sums } = totals!;
  assert.deepEqual([durations[1], durations.length], [3, 26]);
  assert.deepEqual(sums, {
    ...{ project: "shop", function: "a", coldStarts: 1, durationUs: 6_000, cpuUs: 1_400, bytesIn: 30, bytesOut: 60 },
    ...{ memoryKibMax: 4096, outcomes: new Map(Object.entries({ ok: 2, function_timeout: 1 })) },
  });
});

test("functions beyond the bound are counted, but together", () => {
  const usage = new FunctionUsage();
  for (let i = 0; i < USAGE_LIMITS.functionsMax + 5; i++) usage.add(recordOf(`${i}`), OUTCOME);
  const totals = [...usage.totals];
  assert.equal(totals.length, USAGE_LIMITS.functionsMax + 1);
  assert.deepEqual([totals.at(-1)!.function, totals.at(-1)!.outcomes.get("ok")], ["(other)", 5]);
});

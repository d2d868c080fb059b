import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestUsage } from "@millrace/proto/invocation/v1/usage";
import fc from "fast-check";
import type { MetricName } from "../metrics/metric.ts";
import { DURATION_COLUMNS, type RequestTotals } from "../metrics/usage.ts";
import type { Rule } from "./alarm.ts";
import { breaches, measureOf } from "./alarm-metric.ts";
import { type Standing, step } from "./alarm-state.ts";

const RULE: Rule = {
  metric: "error_rate",
  comparison: "above",
  threshold: 5,
  windowMinutes: 5,
  minCalls: 0,
  alarmAfter: 2,
  okAfter: 3,
  missingData: "keep",
};
const START: Standing = { state: "ok", verdict: undefined, verdictCount: 0, evaluatedTo: undefined };
const minute = (n: number) => new Date(n * 60_000);

/** The states after each minute; null is a minute without data, "gap" one that nobody evaluated. */
function states(rule: Partial<Rule>, values: readonly (number | null | "gap")[]): string[] {
  let standing = START;
  return values.flatMap((value, i) => {
    if (value === "gap") return [];
    standing = step({ ...RULE, ...rule }, standing, value ?? undefined, minute(i));
    return [standing.state];
  });
}

test("an alarm begins after enough breaches in a row, and ends after enough minutes that keep to the threshold", () => {
  assert.deepEqual(states({}, [6, 6, 6, 5, 5, 5, 6]), ["ok", "alarm", "alarm", "alarm", "alarm", "ok", "ok"]);
  assert.deepEqual(states({}, [6, 5, 6, 5, 6]), ["ok", "ok", "ok", "ok", "ok"]);
  assert.deepEqual(states({}, [6, 6, 5, 5, 6, 5, 5]), ["ok", "alarm", "alarm", "alarm", "alarm", "alarm", "alarm"]);
  assert.deepEqual(states({ alarmAfter: 1, okAfter: 1 }, [6, 5, 6]), ["alarm", "ok", "alarm"]);
});

test("a window without data is what the rule says", () => {
  assert.deepEqual(states({}, [6, null, 6]), ["ok", "ok", "alarm"]);
  assert.deepEqual(states({ missingData: "no_data" }, [6, null, null, 5, 5, 5]), [
    "ok",
    "ok",
    "no_data",
    "no_data",
    "no_data",
    "ok",
  ]);
  assert.deepEqual(states({ missingData: "no_data" }, [null, 6, null, 6, 6]), ["ok", "ok", "ok", "ok", "alarm"]);
  assert.deepEqual(states({ missingData: "alarm" }, [null, null]), ["ok", "alarm"]);
  assert.deepEqual(states({ missingData: "ok" }, [6, 6, null, null, null]).at(-1), "ok");
});

test("minutes that nobody evaluated are not counted as if they had been alike", () => {
  assert.deepEqual(states({}, [6, "gap", 6, 6]), ["ok", "ok", "alarm"]);
  assert.deepEqual(states({}, [6, "gap", null, 6, 6]), ["ok", "ok", "ok", "alarm"]);
  assert.deepEqual(states({}, [6, 6, "gap", 5, 5, 5]), ["ok", "alarm", "alarm", "alarm", "ok"]);
});

test("a state changes only by as many minutes in a row as the rule wants, whatever comes", () => {
  const value = fc.constantFrom(4, 5, 6, null);
  const rule = fc.record({
    alarmAfter: fc.integer({ min: 1, max: 4 }),
    okAfter: fc.integer({ min: 1, max: 4 }),
    missingData: fc.constantFrom("keep", "no_data", "ok", "alarm" as const),
  });
  fc.assert(
    fc.property(rule, fc.array(value, { maxLength: 40 }), (given, values) => {
      const kinds: string[] = [];
      let expected = "ok";
      const naive = values.map((one) => {
        const missing = { keep: "", no_data: "no_data", ok: "ok", alarm: "alarm" }[given.missingData];
        const kind = one === null ? missing : one > 5 ? "alarm" : "ok";
        if (kind === "") return expected;
        kinds.push(kind);
        const needed = kind === "ok" ? given.okAfter : given.alarmAfter;
        if (kinds.length >= needed && kinds.slice(-needed).every((last) => last === kind)) expected = kind;
        return expected;
      });
      assert.deepEqual(states(given, values), naive);
    }),
  );
});

test("each comparison is decided at the threshold and beside it", () => {
  const breached = (comparison: Rule["comparison"]) =>
    [4.9, 5, 5.1].map((value) => breaches({ comparison, threshold: 5 }, value));
  assert.deepEqual(breached("above"), [false, false, true]);
  assert.deepEqual(breached("at_least"), [false, true, true]);
  assert.deepEqual(breached("below"), [true, false, false]);
  assert.deepEqual(breached("at_most"), [true, true, false]);
});

test("counts of a window without calls are zero; parts and latencies of nothing are no data, nor are those of too few calls", () => {
  const read = (metric: MetricName, count: number, minCalls = 0) =>
    measureOf({ metric, minCalls, windowMinutes: 5 }, totals(count));
  assert.deepEqual([read("requests", 0), read("requests_5xx", 0)], [0, 0]);
  assert.deepEqual([read("error_rate", 0), read("latency_p99", 0)], [undefined, undefined]);
  assert.deepEqual([read("requests_5xx", 8), read("error_rate", 8)], [4, 0.5]);
  assert.deepEqual([read("error_rate", 7, 8), read("error_rate", 8, 8)], [undefined, 0.5]);
});

function totals(count: number): RequestTotals {
  const none = RequestUsage.create();
  return { ...none, count, status5xx: count / 2, durations: DURATION_COLUMNS.map((_, i) => (i === 0 ? count : 0)) };
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { Latencies } from "./latencies.ts";

function recorded(values: readonly number[]): Latencies {
  const latencies = new Latencies();
  for (const value of values) latencies.record(value);
  return latencies;
}

test("a quantile is within one part in a hundred of the exact one, from microseconds to minutes", () => {
  for (const scale of [0.01, 1, 30, 1_000, 60_000]) {
    const values = Array.from({ length: 1_000 }, (_, i) => scale * (1 + ((i * 7_919) % 1_000)));
    const latencies = recorded(values);
    const sorted = values.map((value) => Math.min(value, 2_147_483)).toSorted((a, b) => a - b);
    for (const part of [0.01, 0.5, 0.9, 0.99, 1]) {
      const exact = sorted[Math.ceil(part * sorted.length) - 1]!;
      const found = latencies.quantileMs(part);
      assert.ok(Math.abs(found - exact) <= exact * 0.01 + 0.001, `${part} of ${scale}: ${found}, not ${exact}`);
    }
  }
});

test("one slow answer among a hundred is the maximum and not the median", () => {
  const latencies = recorded([...Array(99).fill(1), 5_000]);
  assert.equal(latencies.count, 100);
  assert.equal(latencies.maxMs, 5_000);
  assert.ok(latencies.quantileMs(0.5) < 1.01);
  assert.ok(latencies.quantileMs(0.99) < 1.01);
  assert.ok(latencies.quantileMs(0.999) > 4_900);
});

test("of no latencies there is no quantile", () => {
  assert.ok(Number.isNaN(new Latencies().quantileMs(0.5)));
});

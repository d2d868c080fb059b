import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateSeed } from "./simulate-seed.ts";

const SEEDS = 200;

test("200 lives of a platform in trouble: one answer to each request in time, nothing unsafe run twice, nothing left over", (t) => {
  const outcomes: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = simulateSeed(seed);
    assert.deepEqual(result.violations, [], `npm run simulate -- --seed ${seed}`);
    for (const [outcome, count] of Object.entries(result.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  }
  t.diagnostic(JSON.stringify(outcomes));
  for (const outcome of ["200", "runner_lost", "overloaded", "no_runner", "function_timeout", "reset", "cancelled"]) {
    assert.ok(outcomes[outcome]! > 0, `no request ended as ${outcome}, so the worlds are too quiet`);
  }
});

test("the same seed is the same life", () => {
  assert.deepEqual(simulateSeed(7), simulateSeed(7));
});

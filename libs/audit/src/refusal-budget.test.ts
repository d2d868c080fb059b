import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "./limits.ts";
import { RefusalBudget } from "./refusal-budget.ts";

test("a source that floods is cut, another one is still recorded, and what was left out is counted", () => {
  let nowMs = 0;
  const budget = new RefusalBudget(() => nowMs);
  const { burst, perSecond } = LIMITS.refusalsPerSource;
  const recorded = Array.from({ length: 1_000 }, () => budget.take("eve")).filter(Boolean).length;
  assert.equal(recorded, burst);
  assert.ok(budget.take("ada"));
  assert.equal(budget.takeSkipped(), 1_000 - burst);
  assert.equal(budget.takeSkipped(), 0);
  assert.ok(!budget.take("eve"));
  nowMs = 1_000 / perSecond;
  assert.ok(budget.take("eve"));
  assert.ok(!budget.take("eve"));
});

test("a flood from ever new sources has a bound of its own", () => {
  const budget = new RefusalBudget(() => 0);
  const recorded = Array.from({ length: 5_000 }, (_, i) => budget.take(`s${i}`)).filter(Boolean).length;
  assert.equal(recorded, LIMITS.refusalsOverall.burst);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { DISPATCH_LIMITS } from "../limits.ts";
import { RetryBudget } from "./retry-budget.ts";

const { retryBurst, retryShare, retriesPerSecond } = DISPATCH_LIMITS;

/** Places so many calls in a second, each again as long as it may. */
function placedAgain(budget: RetryBudget, calls: number, fromMs: number): number {
  let again = 0;
  for (let call = 0; call < calls; call++) {
    budget.earn();
    while (budget.spend(fromMs + (1_000 * call) / calls)) again++;
  }
  return again;
}

test("calls that all fail are placed again for a burst, and then for a share of them", () => {
  const budget = new RetryBudget(0);
  const first = placedAgain(budget, 10_000, 0);
  assert.ok(first <= retryBurst + 10_000 * retryShare + retriesPerSecond, `${first}`);
  const second = placedAgain(budget, 10_000, 1_000);
  assert.ok(second <= 10_000 * retryShare + 2 * retriesPerSecond, `${second}`);
  assert.ok(second >= 10_000 * retryShare);
});

test("who places few calls may place them again all the same", () => {
  const budget = new RetryBudget(0);
  placedAgain(budget, 1, 0);
  assert.equal(budget.spend(0), false);
  assert.equal(budget.spend(1_000 / retriesPerSecond + 1), true);
});

test("what is not used adds up to the burst and no further", () => {
  const budget = new RetryBudget(0);
  let again = 0;
  while (budget.spend(3_600_000)) again++;
  assert.equal(again, retryBurst);
});

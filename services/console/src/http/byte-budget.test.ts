import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBudget } from "./byte-budget.ts";

test("what is taken over the bound is refused until something is given back", () => {
  const budget = new ByteBudget(10);
  budget.take(10);
  assert.throws(() => budget.take(1), { code: "unavailable", reason: "overloaded" });
  budget.give(1);
  budget.take(1);
});

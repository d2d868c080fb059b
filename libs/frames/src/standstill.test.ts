import assert from "node:assert/strict";
import { test } from "node:test";
import { Standstill } from "./standstill.ts";

test("a process that is never silent for long did not stand still", () => {
  const standstill = new Standstill(1_000);
  const noticed = [5_000, 6_000, 7_000].map((nowMs) => standstill.notice(nowMs));
  assert.deepEqual([noticed, standstill.isOver], [[false, false, false], true]);
});

test("one that was silent for longer stands still until the echo comes", () => {
  const standstill = new Standstill(1_000);
  standstill.notice(0);
  assert.deepEqual([standstill.notice(1_001), standstill.isOver], [true, false]);
  assert.deepEqual([standstill.notice(1_002), standstill.isOver], [false, false]);
  standstill.caughtUp();
  assert.equal(standstill.isOver, true);
});

test("the echo of one standstill does not end the next", () => {
  const standstill = new Standstill(1_000);
  for (const nowMs of [0, 1_001, 2_002]) standstill.notice(nowMs);
  standstill.caughtUp();
  assert.equal(standstill.isOver, false);
  standstill.caughtUp();
  assert.equal(standstill.isOver, true);
});

test("an echo that nobody asked for is not put to the account of the next standstill", () => {
  const standstill = new Standstill(1_000);
  standstill.caughtUp();
  standstill.begin();
  assert.equal(standstill.isOver, false);
});

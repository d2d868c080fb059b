import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RECYCLING_LIMITS } from "../limits.ts";
import { Wear } from "./wear.ts";

const { jitterShare, memoryShare, memoryWindowMs, memoryCallsMin } = RECYCLING_LIMITS;
const TERMS = { callsMax: 100, ageMs: 1_000_000, memoryMib: 128 };
const MUCH_KIB = TERMS.memoryMib * 1024 * memoryShare + 1;

/** So many calls spread evenly over the time, each of which leaves so much memory in use. */
function call(wear: Wear, calls: number, fromMs: number, overMs: number, memoryKib: number): void {
  for (let i = 0; i < calls; i++) wear.called(fromMs + (overMs * i) / calls, memoryKib);
}

test("an instance has served enough with its last call, and when its time is over, not before", () => {
  const wear = new Wear(TERMS, 0, () => 0);
  call(wear, TERMS.callsMax - 1, 0, 1, 1);
  assert.equal(wear.isOver(TERMS.ageMs - 1), false);
  assert.equal(wear.isOver(TERMS.ageMs), true);
  call(wear, 1, 1, 1, 1);
  assert.equal(wear.isOver(1), true);
});

test("an instance that never comes down from nearly all of its memory has served enough; one that does goes on", () => {
  const terms = { ...TERMS, callsMax: Infinity, ageMs: Infinity };
  const full = new Wear(terms, 0, () => 0);
  call(full, memoryCallsMin, 0, memoryWindowMs, MUCH_KIB);
  assert.equal(full.isOver(memoryWindowMs), false, "the window is not over");
  full.called(memoryWindowMs, MUCH_KIB);
  assert.equal(full.isOver(memoryWindowMs), true);
  const breathing = new Wear(terms, 0, () => 0);
  for (let window = 0; window < 5; window++) {
    call(breathing, memoryCallsMin, window * memoryWindowMs, memoryWindowMs, MUCH_KIB);
    breathing.called((window + 1) * memoryWindowMs - 1, MUCH_KIB - 1);
  }
  assert.equal(breathing.isOver(5 * memoryWindowMs), false);
  const quiet = new Wear(terms, 0, () => 0);
  call(quiet, memoryCallsMin - 1, 0, memoryWindowMs, MUCH_KIB);
  quiet.called(memoryWindowMs, MUCH_KIB);
  assert.equal(quiet.isOver(memoryWindowMs), false, "too few calls to tell");
});

test("those that began together end apart, and none later than it may", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
      const wear = new Wear(TERMS, 5, () => chance);
      const endsAt = 5 + TERMS.ageMs * (1 - jitterShare * chance);
      assert.equal(wear.isOver(endsAt - 1), false);
      assert.equal(wear.isOver(endsAt + 1), true);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BACKEND_LIMITS } from "../limits.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

const { windowMs, callsMin, probesMin, openMs } = BACKEND_LIMITS.circuit;

/** Fails so many attempts and lets so many succeed at a time, and answers how many were admitted. */
function attempt(breaker: CircuitBreaker, nowMs: number, { failures = 0, successes = 0 }): number {
  let admitted = 0;
  for (let i = 0; i < failures + successes; i++) {
    if (!breaker.admit(nowMs)) continue;
    admitted++;
    if (i < successes) breaker.succeed(nowMs);
    else breaker.fail(nowMs);
  }
  return admitted;
}

function opened(atMs = 0): CircuitBreaker {
  const breaker = new CircuitBreaker();
  attempt(breaker, atMs, { failures: callsMin });
  assert.equal(breaker.state(atMs), "open");
  return breaker;
}

test("a circuit opens when more than half of enough attempts failed, and not before", () => {
  const few = new CircuitBreaker();
  attempt(few, 0, { failures: callsMin - 1 });
  assert.equal(few.state(0), "closed");
  const half = new CircuitBreaker();
  attempt(half, 0, { successes: callsMin, failures: callsMin });
  assert.equal(half.state(0), "closed");
  attempt(half, 0, { failures: 1 });
  assert.equal(half.state(0), "open");
});

test("failures of long ago do not count", () => {
  const breaker = new CircuitBreaker();
  attempt(breaker, 0, { failures: callsMin - 1 });
  attempt(breaker, windowMs, { failures: callsMin - 1 });
  assert.equal(breaker.state(windowMs), "closed");
});

test("an open circuit admits nobody, then one at a time, and closes after enough successes", () => {
  const breaker = opened();
  assert.equal(breaker.admit(openMs.first - 1), false);
  for (let i = 0; i < probesMin; i++) {
    assert.equal(breaker.admit(openMs.first), true);
    assert.equal(breaker.admit(openMs.first), false, "a second one at the same time");
    breaker.succeed(openMs.first);
  }
  assert.equal(breaker.state(openMs.first), "closed");
  assert.equal(attempt(breaker, openMs.first, { failures: callsMin - 1 }), callsMin - 1);
  assert.equal(breaker.state(openMs.first), "closed", "what was before is forgotten");
});

test("each failed probe doubles the time that it stays open, up to a bound", () => {
  const breaker = opened();
  let nowMs: number = openMs.first;
  for (let waitMs = openMs.first * 2; waitMs <= openMs.max * 4; waitMs *= 2) {
    assert.equal(breaker.admit(nowMs), true);
    breaker.fail(nowMs);
    const boundedMs = Math.min(waitMs, openMs.max);
    assert.equal(breaker.state(nowMs + boundedMs - 1), "open");
    nowMs += boundedMs;
    assert.equal(breaker.state(nowMs), "half-open");
  }
});

test("a probe whose caller left makes room for another", () => {
  const breaker = opened();
  assert.equal(breaker.admit(openMs.first), true);
  breaker.forget();
  assert.equal(breaker.admit(openMs.first), true);
});

test("whatever happens, a circuit that nobody uses admits somebody again in bounded time", () => {
  const act = fc.record({ afterMs: fc.nat({ max: 20_000 }), end: fc.constantFrom("succeed", "fail", "forget") });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const breaker = new CircuitBreaker();
      let nowMs = 0;
      for (const { afterMs, end } of acts) {
        nowMs += afterMs;
        if (!breaker.admit(nowMs)) continue;
        if (end === "forget") breaker.forget();
        else if (end === "fail") breaker.fail(nowMs);
        else breaker.succeed(nowMs);
      }
      assert.equal(breaker.admit(nowMs + openMs.max), true);
    }),
  );
});

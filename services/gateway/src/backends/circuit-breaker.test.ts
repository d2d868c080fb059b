import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BACKEND_LIMITS } from "../limits.ts";
import { CircuitBreaker, type Ticket } from "./circuit-breaker.ts";

const { windowMs, callsMin, probesMin, openMs } = BACKEND_LIMITS.circuit;

/** Fails so many attempts and lets so many succeed at a time, and answers how many were admitted. */
function attempt(breaker: CircuitBreaker, nowMs: number, { failures = 0, successes = 0 }): number {
  let admitted = 0;
  for (let i = 0; i < failures + successes; i++) {
    const ticket = breaker.admit(nowMs);
    if (ticket === null) continue;
    admitted++;
    if (i < successes) breaker.succeed(ticket, nowMs);
    else breaker.fail(ticket, nowMs);
  }
  return admitted;
}

function opened(atMs = 0): CircuitBreaker {
  const breaker = new CircuitBreaker();
  attempt(breaker, atMs, { failures: callsMin });
  assert.equal(breaker.state(atMs), "open");
  return breaker;
}

function admitted(breaker: CircuitBreaker, nowMs: number): Ticket {
  const ticket = breaker.admit(nowMs);
  assert.notEqual(ticket, null);
  return ticket!;
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
  assert.equal(breaker.admit(openMs.first - 1), null);
  for (let i = 0; i < probesMin; i++) {
    const probe = admitted(breaker, openMs.first);
    assert.equal(breaker.admit(openMs.first), null, "a second one at the same time");
    breaker.succeed(probe, openMs.first);
  }
  assert.equal(breaker.state(openMs.first), "closed");
  assert.equal(attempt(breaker, openMs.first, { failures: callsMin - 1 }), callsMin - 1);
  assert.equal(breaker.state(openMs.first), "closed", "what was before is forgotten");
});

test("each failed probe doubles the time that it stays open, up to a bound", () => {
  const breaker = opened();
  let nowMs: number = openMs.first;
  for (let waitMs = openMs.first * 2; waitMs <= openMs.max * 4; waitMs *= 2) {
    breaker.fail(admitted(breaker, nowMs), nowMs);
    const boundedMs = Math.min(waitMs, openMs.max);
    assert.equal(breaker.state(nowMs + boundedMs - 1), "open");
    nowMs += boundedMs;
    assert.equal(breaker.state(nowMs), "half-open");
  }
});

test("a probe whose caller left makes room for another", () => {
  const breaker = opened();
  breaker.forget(admitted(breaker, openMs.first));
  admitted(breaker, openMs.first);
});

test("attempts from before a circuit opened neither open it longer, nor close it, nor make room for a second probe", () => {
  const breaker = new CircuitBreaker();
  const old = Array.from({ length: probesMin * 3 }, () => admitted(breaker, 0));
  attempt(breaker, 0, { failures: callsMin });
  assert.equal(breaker.state(openMs.first), "half-open");
  for (const ticket of old.slice(0, probesMin)) breaker.fail(ticket, openMs.first);
  assert.equal(breaker.state(openMs.first), "half-open", "no probe has failed");
  for (const ticket of old.slice(probesMin, probesMin * 2)) breaker.succeed(ticket, openMs.first);
  assert.equal(breaker.state(openMs.first), "half-open", "no probe has passed");
  const probe = admitted(breaker, openMs.first);
  for (const ticket of old.slice(probesMin * 2)) breaker.forget(ticket);
  assert.equal(breaker.admit(openMs.first), null, "one probes already");
  breaker.fail(probe, openMs.first);
  assert.equal(breaker.state(openMs.first * 3 - 1), "open");
  assert.equal(breaker.state(openMs.first * 3), "half-open", "one probe has failed");
});

test("whatever happens, and in whatever order attempts end, somebody is admitted again in bounded time, and one probe at a time", () => {
  const act = fc.record({
    afterMs: fc.nat({ max: 20_000 }),
    end: fc.constantFrom("succeed", "fail", "forget"),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), fc.nat({ max: 30 }), (acts, openMax) => {
      const breaker = new CircuitBreaker();
      const open: { ticket: Ticket; isProbe: boolean }[] = [];
      let nowMs = 0;
      const end = (how: string, at: number) => {
        const { ticket } = open.splice(at % open.length, 1)[0]!;
        if (how === "forget") breaker.forget(ticket);
        else if (how === "fail") breaker.fail(ticket, nowMs);
        else breaker.succeed(ticket, nowMs);
      };
      for (const { afterMs, end: how, which } of acts) {
        nowMs += afterMs;
        const ticket = breaker.admit(nowMs);
        const isProbe = breaker.state(nowMs) === "half-open";
        if (ticket !== null) {
          assert.ok(!isProbe || !open.some((other) => other.isProbe && other.ticket === ticket));
          open.push({ ticket, isProbe });
        }
        if (open.length > openMax) end(how, which);
      }
      while (open.length > 0) end("forget", 0);
      assert.notEqual(breaker.admit(nowMs + openMs.max), null);
    }),
  );
});

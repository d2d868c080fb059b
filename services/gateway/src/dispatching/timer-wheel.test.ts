import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Due, TimerWheel, WHEEL_STEP_MS } from "./timer-wheel.ts";

class Entry implements Due {
  dueAtMs = 0;
  place = -1;
  before: this | null = null;
  after: this | null = null;
}

const arbitraryStep = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), inMs: fc.nat(20_000) }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(99) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.oneof(fc.nat(20), fc.nat(6_000)) }),
);

test("everything that stays is handed on once, never early and at most a step late, however time passes", () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.array(arbitraryStep, { maxLength: 100 }), (startMs, steps) => {
      const wheel = new TimerWheel<Entry>();
      const waiting = new Map<Entry, number>();
      let nowMs = startMs;
      const advanceTo = (endMs: number) => {
        // As its owner does: it wakes when the wheel says.
        while (wheel.nextAtMs() <= endMs) {
          nowMs = wheel.nextAtMs();
          wheel.advance(nowMs, (entry) => {
            const dueAtMs = waiting.get(entry)!;
            assert.ok(nowMs >= dueAtMs && nowMs < dueAtMs + 2 * WHEEL_STEP_MS, `${nowMs} for ${dueAtMs}`);
            assert.ok(waiting.delete(entry));
          });
        }
        nowMs = endMs;
      };
      for (const step of steps) {
        if (step.kind === "wait") advanceTo(nowMs + step.ms);
        else if (step.kind === "add") {
          const entry = new Entry();
          wheel.add(entry, nowMs + step.inMs, nowMs);
          waiting.set(entry, nowMs + step.inMs);
        } else {
          const entry = [...waiting.keys()][step.at % Math.max(1, waiting.size)];
          if (entry !== undefined) wheel.remove(entry);
          if (entry !== undefined) waiting.delete(entry);
        }
        assert.equal(wheel.size, waiting.size);
      }
      advanceTo(nowMs + 30_000);
      assert.deepEqual([wheel.size, waiting.size, wheel.nextAtMs()], [0, 0, Infinity]);
    }),
  );
});

test("what throws when it is due drops nobody: those behind it are handed on with the next step", () => {
  const wheel = new TimerWheel<Entry>();
  const entries = Array.from({ length: 5 }, () => new Entry());
  for (const entry of entries) wheel.add(entry, 100, 0);
  const handed: Entry[] = [];
  const onDue = (entry: Entry) => {
    handed.push(entry);
    if (handed.length === 2) throw new Error("cannot be told");
  };
  assert.throws(() => wheel.advance(104, onDue), /cannot be told/);
  assert.deepEqual([handed.length, wheel.size], [2, 3]);
  wheel.advance(wheel.nextAtMs(), onDue);
  assert.deepEqual([new Set(handed).size, wheel.size], [5, 0]);
});

test("a process that stood still gets all that is due at once, and may put others on meanwhile", () => {
  const wheel = new TimerWheel<Entry>();
  const entries = Array.from({ length: 100 }, () => new Entry());
  for (const [at, entry] of entries.entries()) wheel.add(entry, at * 40, 0);
  const due: Entry[] = [];
  wheel.advance(60_000, (entry) => {
    due.push(entry);
    if (due.length === 1) wheel.add(entry, 70_000, 60_000);
  });
  assert.equal(due.length, 100);
  assert.equal(wheel.size, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import fc from "fast-check";
import { PLACING_LIMITS } from "../limits.ts";
import { Beats } from "./beats.ts";

const { beatIntervalMs, beatSilenceMaxMs } = PLACING_LIMITS;

function setUp() {
  const sent: (Beat & { atMs: number })[] = [];
  const clock = { nowMs: 0, wakeAtMs: Infinity };
  const beats = new Beats(
    { runnerId: "r", epoch: "e", isolationTier: "full" },
    {
      facts: () => ({ slots: 4, slotsBusy: 1, draining: false }),
      publish: (beat) => sent.push({ ...beat, atMs: clock.nowMs }),
      wakeAt: (atMs) => {
        clock.wakeAtMs = atMs;
      },
    },
  );
  const runUntil = (endMs: number) => {
    while (clock.wakeAtMs <= endMs) {
      clock.nowMs = clock.wakeAtMs;
      clock.wakeAtMs = Infinity;
      beats.wake(clock.nowMs);
    }
    clock.nowMs = endMs;
  };
  return { beats, sent, clock, runUntil };
}

const arbitraryChanges = fc.array(
  fc.record({ afterMs: fc.nat(1_500), key: fc.constantFrom("f", "g", "h"), warm: fc.boolean() }),
  { maxLength: 40 },
);

test("beats come soon after a change, never thicker than the interval nor thinner than the silence, and add up to the warm set", () => {
  fc.assert(
    fc.property(arbitraryChanges, (changes) => {
      const { beats, sent, clock, runUntil } = setUp();
      const warm = new Set<string>();
      const told = new Set<string>();
      beats.flush(0);
      for (const { afterMs, key, warm: isWarm } of changes) {
        runUntil(clock.nowMs + afterMs);
        if (isWarm) warm.add(key);
        else warm.delete(key);
        beats.setWarm(key, isWarm, clock.nowMs);
      }
      runUntil(clock.nowMs + beatIntervalMs);
      for (const [at, beat] of sent.entries()) {
        assert.equal(beat.sequence, at + 1);
        if (beat.full) told.clear();
        for (const key of beat.warm) told.add(key);
        for (const key of beat.cooled) told.delete(key);
        const gapMs = at === 0 ? beatIntervalMs : beat.atMs - sent[at - 1]!.atMs;
        assert.ok(gapMs >= beatIntervalMs && gapMs <= beatSilenceMaxMs, `${gapMs}`);
      }
      assert.deepEqual([...told].sort(), [...warm].sort());
    }),
  );
});

test("the last beat says that there are no slots, and nothing follows it", () => {
  const { beats, sent, runUntil } = setUp();
  beats.flush(0);
  beats.goodbye(0);
  beats.changed(0);
  runUntil(10_000);
  assert.deepEqual(
    sent.map(({ slots, draining }) => [slots, draining]),
    [
      [4, false],
      [0, true],
    ],
  );
});

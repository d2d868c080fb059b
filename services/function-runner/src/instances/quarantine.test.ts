import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { QUARANTINE_LIMITS } from "../limits.ts";
import { Quarantine } from "./quarantine.ts";

const { deathsMax, windowMs, sameDeathMs, restMs, restMaxMs } = QUARANTINE_LIMITS;

/** When the last of as many deaths as are allowed is. */
const LAST = (deathsMax - 1) * sameDeathMs;

function afterDeaths(times: number, everyMs: number = sameDeathMs): Quarantine {
  const quarantine = new Quarantine();
  for (let i = 0; i < times; i++) quarantine.died(i * everyMs);
  return quarantine;
}

test("a version is held back at the last death that is allowed within the window, and not before", () => {
  assert.equal(afterDeaths(deathsMax - 1).holds(LAST), false);
  assert.equal(afterDeaths(deathsMax).holds(LAST), true);
  assert.equal(afterDeaths(deathsMax, windowMs).holds(deathsMax * windowMs), false, "not when they are far between");
  assert.equal(afterDeaths(deathsMax * 2, 1).holds(LAST), false, "nor when many instances die with one sandbox");
});

test("it ends by itself, and for twice as long when the version has not become better", () => {
  const quarantine = afterDeaths(deathsMax);
  let now = LAST;
  for (let rests = 0; rests < 12; rests++) {
    const expected = Math.min(restMs * 2 ** rests, restMaxMs);
    assert.equal(quarantine.remainingMs(now), expected);
    assert.equal(quarantine.holds(now + expected - 1), true);
    now += expected;
    assert.equal(quarantine.holds(now), false);
    assert.equal(quarantine.died(now), true, "one more death is enough");
  }
});

test("the first rest is told as what it is, whatever the clock shows", () => {
  fc.assert(
    fc.property(fc.integer({ min: 5e8, max: 3e9 }), (ticks) => {
      const startedAt = ticks / 100_003;
      const quarantine = new Quarantine();
      for (let death = 0; death < deathsMax; death++) quarantine.died(startedAt + death * sameDeathMs * 1.5);
      const last = startedAt + (deathsMax - 1) * sameDeathMs * 1.5;
      assert.equal(quarantine.remainingMs(last), restMs);
    }),
  );
});

test("a version that was well for a window begins afresh", () => {
  const quarantine = afterDeaths(deathsMax);
  const later = LAST + 1 + restMs + windowMs;
  assert.equal(quarantine.died(later), false);
  assert.equal(quarantine.holds(later), false);
});

test("whatever dies when, nothing is held back for longer than the most", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(120_000), { maxLength: 60 }), (gaps) => {
      const quarantine = new Quarantine();
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        quarantine.died(now);
        assert.ok(quarantine.remainingMs(now) <= restMaxMs);
      }
    }),
  );
});

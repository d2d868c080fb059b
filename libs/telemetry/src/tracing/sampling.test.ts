import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACE_LIMITS } from "./limits.ts";
import { Sampling } from "./sampling.ts";

const clock = { nowMs: 0, chance: 0.5 };
const sampling = (ratio: number) => new Sampling({ ratio, nowMs: () => clock.nowMs, random: () => clock.chance });
const many = (count: number, ask: () => boolean) => Array.from({ length: count }, ask).filter(Boolean).length;

test("of traces that begin here the ratio is sampled", () => {
  assert.equal(sampling(0.51).samples(null), true);
  assert.equal(sampling(0.5).samples(null), false);
  clock.chance = 0;
  assert.equal(sampling(0).samples(null), false);
  clock.chance = 0.999;
  assert.equal(sampling(1).samples(null), true);
});

test("a caller's word is kept, but no more often in a second than the bound", () => {
  const traces = sampling(1);
  assert.equal(traces.samples({ sampled: false }), false);
  const { calledSampledPerSecond } = TRACE_LIMITS;
  assert.equal(
    many(1_000, () => traces.samples({ sampled: true })),
    calledSampledPerSecond,
  );
  clock.nowMs += 999;
  assert.equal(traces.samples({ sampled: true }), false);
  clock.nowMs += 1;
  assert.equal(traces.samples({ sampled: true }), true);
});

test("kept is what was sampled, what failed and what took long, each within its bound", () => {
  const traces = sampling(0);
  const { sampledPerSecond, failedPerSecond, slowPerSecond, slowMs } = TRACE_LIMITS;
  assert.equal(traces.keeps(false, false, slowMs - 1), false);
  assert.equal(
    many(1_000, () => traces.keeps(true, true, slowMs)),
    sampledPerSecond,
  );
  assert.equal(
    many(1_000, () => traces.keeps(false, true, 0)),
    failedPerSecond,
  );
  assert.equal(
    many(1_000, () => traces.keeps(false, false, slowMs)),
    slowPerSecond,
  );
  clock.nowMs += 1_000;
  assert.equal(traces.keeps(false, true, 0), true);
});

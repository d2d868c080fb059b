import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PoolLoad, PoolSizing, SIZING } from "./pool-sizing.ts";

const NOBODY: PoolLoad = { waiting: 0, active: 0, ready: 0, idle: 0, loading: 0, loadingFresh: 0, shortageMs: 0 };

/** Sizing that has learned from calls of one kind. */
function learned({ cores = 2, concurrency = 1, serviceMs = 1, share = 1, core = 1 }): PoolSizing {
  const sizing = new PoolSizing(cores, concurrency);
  const us = serviceMs * 1_000;
  for (let i = 0; i < 50; i++) sizing.learn(serviceMs, us, us * share, us * share * core);
  return sizing;
}

/** How many instances work in the end when `calls` are always open and each lack lasts. */
function settle(sizing: PoolSizing, calls: number, coresSpare: (active: number) => number, cores = 2): number {
  let active = 1;
  for (let now = 0; now < 20_000; now += 100) {
    const load = { ...NOBODY, waiting: calls - active, active, ready: active, shortageMs: 100 };
    sizing.adjust(now, load, coresSpare(active));
    active = Math.min(active + sizing.starts(load, coresSpare(active)), calls);
    while (active > 1 && !sizing.mayUseAnother(active - 1, coresSpare(active))) active--;
    assert.ok(active <= Math.max(calls, cores));
  }
  return active;
}

test("a function that computes gets as many instances as there are cores to spare, and no more", () => {
  const computing = () => learned({ cores: 4, serviceMs: 20 });
  assert.equal(
    settle(computing(), 64, (active) => 4 - active, 4),
    4,
  );
  assert.equal(
    settle(computing(), 64, (active) => Math.max(0, 2 - active), 4),
    2,
  );
  assert.equal(
    settle(computing(), 64, () => 0, 4),
    1,
  );
});

test("a function that waits gets an instance for each call", () => {
  const waiting = learned({ serviceMs: 50, share: 0.01 });
  assert.equal(
    settle(waiting, 64, () => 0),
    64,
  );
  assert.equal(learned({ serviceMs: 5_000, share: 0 }).starts({ ...NOBODY, waiting: 3, active: 9, ready: 9 }, 0), 3);
});

test("the level falls when threads are kept from the cores, and stays when they are not", () => {
  for (const [core, expected] of [
    [0.5, 1],
    [0.9, 4],
  ] as const) {
    const sizing = learned({ cores: 4, serviceMs: 20 });
    settle(sizing, 64, (active) => 4 - active, 4);
    for (let i = 0; i < 50; i++) sizing.learn(20, 20_000, 20_000, 20_000 * core);
    assert.equal(
      settle(sizing, 64, () => 0, 4),
      expected,
    );
  }
});

test("a start is not worth it for a wait that is shorter, unless the lack lasts", () => {
  const sizing = learned({ serviceMs: 1, share: 0.1 });
  const load = { ...NOBODY, waiting: 1, active: 1, ready: 1 };
  assert.equal(sizing.starts(load, 2), 0);
  assert.equal(sizing.starts({ ...load, waiting: 11 }, 2), 1);
  assert.equal(sizing.starts({ ...load, shortageMs: SIZING.startMs }, 2), 1);
});

test("whoever waits where there is no instance at all gets one, and never more start than have somebody waiting", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 32 }),
      fc.array(fc.tuple(fc.double({ min: 0, max: 5_000, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))),
      fc.record({ waiting: fc.nat(200), active: fc.nat(64), loading: fc.nat(64), shortageMs: fc.nat(1_000) }),
      fc.double({ min: 0, max: 64, noNaN: true }),
      (cores, concurrency, ended, given, spare) => {
        const sizing = new PoolSizing(cores, concurrency);
        for (const [ms, share] of ended) sizing.learn(ms, ms * 1_000, ms * 1_000 * share, ms * 1_000 * share);
        const load = { ...given, ready: given.active, idle: 0, loadingFresh: given.loading };
        const starts = sizing.starts(load, spare);
        assert.ok(starts >= 0 && starts <= Math.max(1, Math.ceil(load.waiting / concurrency)));
        assert.ok(starts === 0 || given.loading + starts <= cores * SIZING.startsPerCore);
        if (load.waiting > 0 && load.active + load.loading === 0) assert.ok(starts > 0);
        assert.ok(sizing.mayUseAnother(0, spare), "one instance may always work");
      },
    ),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketOf, DURATION_BOUNDS_MS, DURATION_BUCKETS, quantileMs } from "./duration-buckets.ts";
import { USAGE_LIMITS } from "./limits.ts";
import { UsageMinutes, type UsageWord } from "./usage-minutes.ts";

interface Counted {
  name: string;
  count: number;
}

/** What a store keeps that holds the newest word of each series. */
class Store {
  readonly kept = new Map<string, { number: number; count: number }>();
  isAway = false;
  words = 0;

  take({ epoch, number, minuteS, series }: UsageWord<Counted>): void {
    this.words++;
    for (const { name, count } of series) {
      const key = `${epoch} ${minuteS} ${name}`;
      if ((this.kept.get(key)?.number ?? 0) < number) this.kept.set(key, { number, count });
    }
  }

  sum(minuteS?: number): number {
    const rows = [...this.kept].filter(([key]) => minuteS === undefined || key.split(" ")[1] === String(minuteS));
    return rows.reduce((sum, [, { count }]) => sum + count, 0);
  }
}

function counter(clock: { nowMs: number }, store: Store) {
  const over: number[] = [];
  const outages: unknown[] = [];
  const minutes = new UsageMinutes<Counted>({
    nowMs: () => clock.nowMs,
    sizeOf: ({ count }) => count,
    tell: async (word) => {
      if (store.isAway) throw new Error("away");
      store.take(word);
    },
    onOver: (series) => over.push([...series].reduce((sum, { count }) => sum + count, 0)),
    onOutage: (error) => outages.push(error),
  });
  const count = (name: string) => {
    minutes.turn();
    (minutes.find(name) ?? minutes.add(name, { name, count: 0 })).count++;
  };
  return { minutes, count, over, outages };
}

test("what is counted in a minute is stored under it, told as it grows, and once more when it is over", async () => {
  const clock = { nowMs: 600_000 };
  const store = new Store();
  const { minutes, count, over } = counter(clock, store);
  count("a");
  await minutes.tell();
  count("a");
  count("b");
  await minutes.tell();
  assert.deepEqual([store.sum(600), store.words], [3, 2]);
  await minutes.tell();
  assert.equal(store.words, 2, "what has not changed is not told again");
  count("a");
  clock.nowMs += 60_000;
  count("a");
  await minutes.tell();
  assert.deepEqual([store.sum(600), store.sum(660), over], [4, 1, [4]]);
});

test("nothing is lost while nobody takes it, up to the bound of minutes; what is beyond is counted", async () => {
  const clock = { nowMs: 0 };
  const store = new Store();
  store.isAway = true;
  const { minutes, count } = counter(clock, store);
  for (let minute = 0; minute < USAGE_LIMITS.minutesMax + 3; minute++) {
    clock.nowMs = minute * 60_000;
    count("a");
    await minutes.tell();
  }
  assert.equal(minutes.dropped, 2);
  store.isAway = false;
  await minutes.tell();
  assert.equal(store.sum(), USAGE_LIMITS.minutesMax + 1);
  assert.equal(store.sum(60), 0, "the oldest have gone");
});

test("a minute that comes again when the clock is set back is another count, and both are summed", async () => {
  const clock = { nowMs: 600_000 };
  const store = new Store();
  const { minutes, count } = counter(clock, store);
  count("a");
  clock.nowMs = 660_000;
  count("a");
  clock.nowMs = 600_000;
  count("a");
  await minutes.tell();
  assert.deepEqual([store.sum(600), store.sum(660)], [2, 1]);
});

test("a running minute tells a bounded number of series at a time, and all of them at its end and when the process stops", async () => {
  const clock = { nowMs: 0 };
  const store = new Store();
  const { minutes, count } = counter(clock, store);
  const many = USAGE_LIMITS.seriesToldAtOnce + 50;
  for (let n = 0; n < many; n++) count(`s${n}`);
  await minutes.tell();
  assert.equal(store.sum(), USAGE_LIMITS.seriesToldAtOnce);
  clock.nowMs = 60_000;
  for (let n = 0; n < many; n++) count(`s${n}`);
  await minutes.close();
  assert.equal(store.sum(), 2 * many);
});

test("whatever fails, and however the clock turns, what is stored is what was counted", async () => {
  const steps = fc.array(
    fc.record({
      name: fc.constantFrom("a", "b", "c"),
      advanceMs: fc.constantFrom(0, 0, 1_000, 30_000, 61_000, -90_000),
      isAway: fc.boolean(),
      tells: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const clock = { nowMs: 10_000_000 };
      const store = new Store();
      const { minutes, count, over } = counter(clock, store);
      for (const { name, advanceMs, isAway, tells } of all) {
        clock.nowMs += advanceMs;
        count(name);
        store.isAway = isAway;
        if (tells) await minutes.tell();
      }
      store.isAway = false;
      await minutes.close();
      assert.equal(store.sum() + minutes.dropped, all.length);
      assert.ok(over.reduce((sum, n) => sum + n, 0) <= all.length);
    }),
    { numRuns: 100 },
  );
});

test("a duration is counted in the first bucket whose bound it does not exceed", () => {
  const naive = (ms: number) => {
    const at = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound);
    return at === -1 ? DURATION_BUCKETS - 1 : at;
  };
  for (const bound of DURATION_BOUNDS_MS) {
    for (const ms of [bound, bound - 0.001, bound + 0.001]) assert.equal(bucketOf(ms), naive(ms), String(ms));
  }
  assert.deepEqual([bucketOf(0), bucketOf(1e9)], [0, DURATION_BUCKETS - 1]);
});

test("a quantile lies in the bucket of the value that it stands for", () => {
  assert.equal(quantileMs([], 0.5), null);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 400_000, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.constantFrom(0.5, 0.9, 0.99),
      (values, q) => {
        const durations = new Array<number>(DURATION_BUCKETS).fill(0);
        for (const value of values) durations[bucketOf(value)]!++;
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
        const at = bucketOf(exact);
        const found = quantileMs(durations, q)!;
        const bounds = [0, ...DURATION_BOUNDS_MS, DURATION_BOUNDS_MS.at(-1)!];
        assert.ok(found >= bounds[at]! && found <= bounds[at + 1]!, `${found} for ${exact}`);
      },
    ),
  );
});

test("that nobody takes words is said once, until somebody has", async () => {
  const store = new Store();
  const { minutes, count, outages } = counter({ nowMs: 0 }, store);
  for (let outage = 1; outage <= 2; outage++) {
    store.isAway = true;
    count("a");
    await minutes.tell();
    await minutes.tell();
    assert.equal(outages.length, outage);
    store.isAway = false;
    await minutes.tell();
  }
});

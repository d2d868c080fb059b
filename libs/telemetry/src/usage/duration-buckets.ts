// Durations are counted in buckets with bounds that never change, so that what several processes counted in many minutes can be summed.
// A quantile is exact to its bucket, and straight in between.

/** Upper bounds, in milliseconds; behind them comes one bucket for what took longer. */
export const DURATION_BOUNDS_MS = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 2_000, 3_000, 5_000, 10_000, 30_000,
  60_000, 300_000,
] as const;

export const DURATION_BUCKETS: number = DURATION_BOUNDS_MS.length + 1;

/** The index of the bucket that holds a duration. */
export function bucketOf(durationMs: number): number {
  let low = 0;
  let high: number = DURATION_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (durationMs <= DURATION_BOUNDS_MS[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The duration in milliseconds that the share `q` of all did not exceed; null of none. What took longer than all bounds counts as the last. */
export function quantileMs(durations: readonly number[], q: number): number | null {
  const count = durations.reduce((sum, bucket) => sum + bucket, 0);
  if (count === 0) return null;
  let before = 0;
  for (let at = 0; at < DURATION_BOUNDS_MS.length; at++) {
    const inBucket = durations[at] ?? 0;
    if (inBucket > 0 && before + inBucket >= q * count) {
      const floor = at === 0 ? 0 : DURATION_BOUNDS_MS[at - 1]!;
      return floor + (DURATION_BOUNDS_MS[at]! - floor) * ((q * count - before) / inBucket);
    }
    before += inBucket;
  }
  return DURATION_BOUNDS_MS.at(-1)!;
}

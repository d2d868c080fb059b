// Latencies in buckets that widen with the value, as in an HDR histogram: any number of them in the same memory, each kept to within
// one part in 128.

const STEPS_BITS = 7;
const STEPS = 1 << STEPS_BITS;
/** Up to 2^31 µs, which is over half an hour. */
const BUCKETS = (32 - STEPS_BITS) * STEPS;
const MICROSECONDS_MAX = 2 ** 31 - 1;

export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  record(ms: number): void {
    this.#counts[bucketOf(Math.min(MICROSECONDS_MAX, Math.max(0, Math.round(ms * 1_000))))]!++;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** The latency that `part` of all do not exceed; NaN when there are none. */
  quantileMs(part: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.min(this.#count, Math.max(1, Math.ceil(this.#count * part)));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(this.#maxMs, middleOf(bucket) / 1_000);
    }
    return this.#maxMs;
  }
}

/** Values below STEPS have a bucket each; from there every doubling is cut into STEPS buckets. */
function bucketOf(microseconds: number): number {
  if (microseconds < STEPS) return microseconds;
  const shift = 31 - Math.clz32(microseconds) - STEPS_BITS;
  return shift * STEPS + (microseconds >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return ((bucket - shift * STEPS) * 2 + 1) * 2 ** (shift - 1) - (shift === 0 ? 0.5 : 0);
}

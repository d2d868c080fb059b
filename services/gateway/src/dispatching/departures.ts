const BUCKETS = 16;
const BUCKET_MS = 64;
const WINDOW_MS = BUCKETS * BUCKET_MS;

/** How fast calls leave their slots, over the last second. Time is an input. */
export class Departures {
  readonly #counts = new Uint32Array(BUCKETS);
  #bucket = 0;

  note(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#counts[this.#bucket % BUCKETS]!++;
  }

  /** Calls a millisecond since `sinceMs`, or in the last second if that is less. */
  perMs(nowMs: number, sinceMs: number): number {
    this.#turnTo(nowMs);
    const fromMs = Math.max(sinceMs, nowMs - WINDOW_MS);
    let count = 0;
    for (let bucket = Math.max(0, Math.ceil(fromMs / BUCKET_MS)); bucket <= this.#bucket; bucket++) {
      count += this.#counts[bucket % BUCKETS]!;
    }
    return count / Math.max(1, nowMs - Math.ceil(fromMs / BUCKET_MS) * BUCKET_MS);
  }

  #turnTo(nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    const passed = Math.min(bucket - this.#bucket, BUCKETS);
    for (let at = 0; at < passed; at++) this.#counts[(bucket - at) % BUCKETS] = 0;
    this.#bucket = Math.max(bucket, this.#bucket);
  }
}

import { LIMITS } from "./limits.ts";

interface Bucket {
  left: number;
  atMs: number;
}

type Rate = Readonly<{ burst: number; perSecond: number }>;

/** How many refusals are recorded: so many of each source, so many in all, so that a flood of them fills no disk and hides no other. */
export class RefusalBudget {
  readonly #nowMs: () => number;
  /** The least recent source comes first. */
  readonly #sources = new Map<string, Bucket>();
  readonly #overall: Bucket;
  #skipped = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#overall = { left: LIMITS.refusalsOverall.burst, atMs: nowMs() };
  }

  /** Answers whether a refusal is recorded; one that is not is counted. */
  take(source: string): boolean {
    const nowMs = this.#nowMs();
    const bucket = this.#sources.get(source) ?? { left: LIMITS.refusalsPerSource.burst, atMs: nowMs };
    refill(bucket, LIMITS.refusalsPerSource, nowMs);
    refill(this.#overall, LIMITS.refusalsOverall, nowMs);
    this.#remember(source, bucket);
    const granted = bucket.left >= 1 && this.#overall.left >= 1;
    if (granted) {
      bucket.left--;
      this.#overall.left--;
    } else this.#skipped++;
    return granted;
  }

  /** Counts refusals that could not be recorded after all. */
  skip(count: number): void {
    this.#skipped += count;
  }

  /** How many were not recorded since the last time that this was asked. */
  takeSkipped(): number {
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }

  #remember(source: string, bucket: Bucket): void {
    this.#sources.delete(source);
    this.#sources.set(source, bucket);
    if (this.#sources.size > LIMITS.sourcesMax) this.#sources.delete(this.#sources.keys().next().value!);
  }
}

function refill(bucket: Bucket, rate: Rate, nowMs: number): void {
  bucket.left = Math.min(rate.burst, bucket.left + ((nowMs - bucket.atMs) / 1_000) * rate.perSecond);
  bucket.atMs = nowMs;
}

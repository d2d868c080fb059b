import { PlatformError } from "@millrace/errors";
import { SIGN_IN_THROTTLE } from "../limits.ts";

interface Rate {
  burst: number;
  perSecond: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * Bounds how often passwords may be tried: for each email, and in all. It looks the same for emails that nobody has. Kept in memory: a
 * restart forgives, and each process counts for itself.
 */
export class SignInThrottle {
  readonly #now: () => Date;
  readonly #perEmail = new Map<string, Bucket>();
  readonly #overall: Bucket;

  constructor(now: () => Date) {
    this.#now = now;
    this.#overall = full(SIGN_IN_THROTTLE.overall, now().getTime());
  }

  /** Counts an attempt. Throws `resource_exhausted` sign_in_throttled, with the seconds to wait. */
  attempt(email: string): void {
    const nowMs = this.#now().getTime();
    const { perEmail, overall } = SIGN_IN_THROTTLE;
    const bucket = this.#perEmail.get(email) ?? full(perEmail, nowMs);
    const waitS = Math.max(
      waitFor(refill(bucket, perEmail, nowMs), perEmail),
      waitFor(refill(this.#overall, overall, nowMs), overall),
    );
    if (waitS > 0) throw throttled(waitS);
    bucket.left--;
    this.#overall.left--;
    this.#remember(email, bucket);
  }

  /** Whoever knew the password starts afresh. */
  forgive(email: string): void {
    this.#perEmail.delete(email);
  }

  get remembered(): number {
    return this.#perEmail.size;
  }

  /** The least recently tried email goes first. */
  #remember(email: string, bucket: Bucket): void {
    this.#perEmail.delete(email);
    this.#perEmail.set(email, bucket);
    if (this.#perEmail.size <= SIGN_IN_THROTTLE.emailsMax) return;
    const [oldest] = this.#perEmail.keys();
    if (oldest !== undefined) this.#perEmail.delete(oldest);
  }
}

function full(rate: Rate, nowMs: number): Bucket {
  return { left: rate.burst, atMs: nowMs };
}

function refill(bucket: Bucket, rate: Rate, nowMs: number): Bucket {
  bucket.left = Math.min(rate.burst, bucket.left + ((nowMs - bucket.atMs) / 1_000) * rate.perSecond);
  bucket.atMs = nowMs;
  return bucket;
}

function waitFor(bucket: Bucket, rate: Rate): number {
  return bucket.left >= 1 ? 0 : Math.ceil((1 - bucket.left) / rate.perSecond);
}

function throttled(waitS: number): PlatformError {
  return new PlatformError("resource_exhausted", `Too many attempts to sign in; try again in ${waitS} s.`, {
    reason: "sign_in_throttled",
    metadata: { retry_after_seconds: String(waitS) },
  });
}

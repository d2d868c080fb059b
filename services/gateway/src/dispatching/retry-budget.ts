import { DISPATCH_LIMITS } from "../limits.ts";

const { retryShare, retryBurst, retriesPerSecond } = DISPATCH_LIMITS;

/**
 * How often calls may be placed again: a share of how often calls are placed first, a few each second for those who place few, and a
 * burst beside it, enough for the calls of a runner that dies. Without such a bound runners that fail half of what they get would be
 * sent a multiple of what callers ask. What was rejected does not count: nothing ran, the call does not ask that runner again before it has
 * beaten again, nor more than a few; and were it counted, whoever is turned away a lot would use up what is there for the calls of
 * others. Time is an input.
 */
export class RetryBudget {
  #left: number = retryBurst;
  #grantedAtMs: number;

  constructor(nowMs: number) {
    this.#grantedAtMs = nowMs;
  }

  /** A call is placed for the first time. */
  earn(): void {
    this.#add(retryShare);
  }

  /** A call is to be placed again; false when it must not. */
  spend(nowMs: number): boolean {
    this.#add(((nowMs - this.#grantedAtMs) * retriesPerSecond) / 1_000);
    this.#grantedAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  #add(retries: number): void {
    this.#left = Math.min(retryBurst, this.#left + retries);
  }
}

import { DISPATCH_LIMITS } from "../limits.ts";

const { retryShare, retryBurst, retriesPerSecond } = DISPATCH_LIMITS;

/**
 * How often calls may be placed again: a share of how often calls are placed first, a few each second for those who place few, and a
 * burst beside it, enough for the calls of a runner that dies. Without such a bound runners that fail half of what they get would be
 * sent a multiple of what callers ask. Who was turned away for want of a slot does not count: nothing ran, and the runner is not asked
 * again before it has beaten again or a call there has ended. Time is an input.
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

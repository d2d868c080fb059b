import { DISPATCH_LIMITS } from "../limits.ts";

const { retryShare, retryBurst } = DISPATCH_LIMITS;

/**
 * How often calls may be placed again: a share of how often calls are placed first, and a burst beside it, enough for the calls of a
 * runner that dies. Without such a bound runners that fail half of what they get would be sent a multiple of what callers ask.
 */
export class RetryBudget {
  #left: number = retryBurst;

  get allows(): boolean {
    return this.#left >= 1;
  }

  /** A call is placed for the first time. */
  earn(): void {
    if (this.#left < retryBurst) this.#left += retryShare;
  }

  /** A call is placed again. */
  spend(): void {
    this.#left--;
  }
}

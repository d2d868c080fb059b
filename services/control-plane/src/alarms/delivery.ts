import { LIMITS } from "../limits.ts";

// Telling a webhook: at least once, until it says 2xx, says that it is gone, or time is up.

/** Why an attempt failed, in words that say nothing of what is behind an address. */
export type AttemptError =
  | "status"
  | "redirected"
  | "gone"
  | "timeout"
  | "address_refused"
  | "name_not_found"
  | "connection_failed"
  | "tls_failed"
  | "answer_invalid";

export interface Attempt {
  /** 0 when there was no answer. */
  status: number;
  /** Undefined when it was delivered. */
  error: AttemptError | undefined;
}

export type Verdict =
  | { state: "delivered" }
  | { state: "failed"; error: string; isGone: boolean }
  | { state: "pending"; error: string; nextAttemptAt: Date };

const { attemptsMax, deliveryAgeMaxMs, retryWaitMs } = LIMITS.alarm;

/** An answer's outcome by its status. Redirects are not followed: what they name nobody has asked for. */
export function attemptOf(status: number): Attempt {
  if (status >= 200 && status < 300) return { status, error: undefined };
  if (status === 410) return { status, error: "gone" };
  return { status, error: status >= 300 && status < 400 ? "redirected" : "status" };
}

/** What follows the attempt that is the delivery's `attempts`th. `random` is from 0 to below 1. */
export function verdictOf(
  { status, error }: Attempt,
  { attempts, at }: { attempts: number; at: Date },
  now: Date,
  random: number,
): Verdict {
  if (error === undefined) return { state: "delivered" };
  if (status === 410) return { state: "failed", error, isGone: true };
  const nextAttemptAt = new Date(now.getTime() + waitMs(attempts, random));
  const isOver = attempts >= attemptsMax || nextAttemptAt.getTime() - at.getTime() > deliveryAgeMaxMs;
  return isOver ? { state: "failed", error, isGone: false } : { state: "pending", error, nextAttemptAt };
}

/** Doubles with each attempt; between half of it and all, so that those that failed together do not come back together. */
export function waitMs(attempts: number, random: number): number {
  const whole = Math.min(retryWaitMs.first * 2 ** (attempts - 1), retryWaitMs.max);
  return whole / 2 + (whole / 2) * random;
}

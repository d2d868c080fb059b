/** Waiting with a deadline. */
import { setTimeout as sleep } from "node:timers/promises";

/** Ends at once when the signal is given. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** Asks again and again until the answer is true; false when the time is over. Failing to answer is an answer of "not yet". */
export async function poll(
  ask: () => Promise<boolean>,
  options: { readonly timeoutMs: number; readonly intervalMs: number; readonly giveUp: () => boolean },
): Promise<boolean> {
  const deadline = Date.now() + options.timeoutMs;
  while (Date.now() < deadline && !options.giveUp()) {
    if (await ask().catch(() => false)) return true;
    await delay(options.intervalMs);
  }
  return false;
}

export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timeout = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delay(timeoutMs, timeout.signal).then(() => false)]);
  } finally {
    timeout.abort();
  }
}

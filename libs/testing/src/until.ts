import { setTimeout as delay } from "node:timers/promises";

const INTERVAL_MS = 10;
const TIMEOUT_MS = 5_000;

export type UntilOptions = {
  readonly timeoutMs?: number;
  /** What was waited for, for the error; a function can say what was seen instead. */
  readonly message?: string | (() => string);
};

/**
 * Waits until the answer is neither false nor null nor undefined, and answers it. Fails at the deadline with what was waited for, and
 * with the last error when asking itself threw.
 */
export async function until<T>(
  ask: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = TIMEOUT_MS, message = ask.toString() } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>;
      }
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) break;
    await delay(INTERVAL_MS);
  }
  const text = typeof message === "string" ? message : message();
  throw new Error(`not within ${timeoutMs} ms: ${text}`, lastError === undefined ? {} : { cause: lastError });
}

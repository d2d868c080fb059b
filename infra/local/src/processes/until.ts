/** Waiting with a deadline. */
import { setTimeout as sleep } from "node:timers/promises";

export const delay = (ms: number): Promise<void> => sleep(ms);

/** Asks again and again until the answer is something other than false or undefined; undefined when the time is over. */
export async function poll<T>(
  ask: () => Promise<T | undefined | false>,
  options: { readonly timeoutMs: number; readonly intervalMs: number; readonly giveUp?: () => boolean },
): Promise<T | undefined> {
  const deadline = Date.now() + options.timeoutMs;
  while (Date.now() < deadline && options.giveUp?.() !== true) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && answer !== false) return answer;
    await delay(options.intervalMs);
  }
  return undefined;
}

import type { Collect } from "@millrace/frames";

/** A thread for which nothing has come so long after it was ready is one that waits; */
export const BLANK_IDLE_MS = 50;
/** an instance that has no calls so long after it loaded, or at any time so much later, idles. */
export const INSTANCE_IDLE_MS = 2_000;

export interface Idleness {
  /** Nothing has come that is to be loaded. */
  isBlank(): boolean;
  hasCalls(): boolean;
}

/**
 * Gives back what starting and loading have left behind, once each, when nobody waits: 2 MiB of the 9 that an idle thread holds, for 10 ms
 * of a core.
 */
export function collectWhenIdle({ isBlank, hasCalls }: Idleness, findCollect: () => Collect): void {
  const collect = () => findCollect()({ type: "major", flavor: "last-resort" });
  setTimeout(() => isBlank() && collect(), BLANK_IDLE_MS).unref();
  const timer = setInterval(() => {
    if (isBlank() || hasCalls()) return;
    clearInterval(timer);
    collect();
  }, INSTANCE_IDLE_MS).unref();
}

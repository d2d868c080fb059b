import type { InstanceThread } from "./instance-thread.ts";

const SAMPLE_MS = 200;
const GROWTH_BYTES = 16 * 1024 ** 2;

/**
 * Looks at every thread's memory whenever the process has grown: asking a thread wakes it, and hundreds of idle ones are to be left
 * asleep.
 */
export function watchMemory(threads: () => Iterable<InstanceThread>): void {
  let lookedAtBytes = process.memoryUsage.rss();
  setInterval(() => {
    const nowBytes = process.memoryUsage.rss();
    lookedAtBytes = Math.min(lookedAtBytes, nowBytes);
    if (nowBytes - lookedAtBytes < GROWTH_BYTES) return;
    lookedAtBytes = nowBytes;
    // A thread that is just ending cannot be asked.
    for (const thread of threads()) thread.checkMemory().catch(() => {});
  }, SAMPLE_MS);
}

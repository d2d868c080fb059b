import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { BusLog } from "./connection.ts";

export interface BucketWatcher {
  /** Resolves when everything that was in the bucket at the start has been handed on. */
  caughtUp: Promise<void>;
  close(): void;
}

export interface BucketHandler {
  onPut(key: string, value: Uint8Array): void;
  onDelete(key: string): void;
}

const RESTART_WAIT_MS = 500;

/**
 * Hands on every entry of a bucket and then every change, for ever: level-triggered, so a handler must accept to hear of an entry again.
 * What a handler throws is logged, and the rest goes on.
 */
export function watchBucket(bucket: KV, handler: BucketHandler, log: BusLog): BucketWatcher {
  const caughtUp = Promise.withResolvers<void>();
  let stopped = false;
  let stopCurrent = () => {};

  async function watchOnce(): Promise<void> {
    const { values: waiting } = await bucket.status();
    if (waiting === 0) caughtUp.resolve();
    const entries = await bucket.watch();
    stopCurrent = () => entries.stop();
    for await (const entry of entries) {
      handOn(entry, handler, log);
      if (entry.delta === 0) caughtUp.resolve();
    }
  }

  async function watchForEver(): Promise<void> {
    while (!stopped) {
      await watchOnce().catch((err: unknown) => log.warn({ err }, "a bucket's watch broke; it is started again"));
      if (!stopped) await new Promise((resolve) => setTimeout(resolve, RESTART_WAIT_MS));
    }
  }

  void watchForEver();
  return {
    caughtUp: caughtUp.promise,
    close() {
      stopped = true;
      stopCurrent();
    },
  };
}

function handOn(entry: KvWatchEntry, handler: BucketHandler, log: BusLog): void {
  try {
    if (entry.operation === "PUT") handler.onPut(entry.key, entry.value);
    else handler.onDelete(entry.key);
  } catch (err) {
    log.warn({ err, key: entry.key }, "an entry of a bucket could not be used; what it replaces stays");
  }
}

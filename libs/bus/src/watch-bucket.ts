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
const IDENTITY_CHECK_MS = 2_000;

/**
 * Hands on every entry of a bucket and then every change, for ever: level-triggered, so a handler must accept to hear of an entry again.
 * What a handler throws is logged, and the rest goes on. A bucket that was lost and made anew counts from the beginning, and a consumer of
 * the old one would wait for numbers that are long to come: so it is asked now and then whether the bucket is still the same, and watched
 * anew when it is not. What the new one does not hold stays as it was, until it is told to be deleted.
 */
export function watchBucket(bucket: KV, handler: BucketHandler, log: BusLog): BucketWatcher {
  const caughtUp = Promise.withResolvers<void>();
  let stopped = false;
  let stopCurrent = () => {};
  let madeAt = "";

  async function watchOnce(): Promise<void> {
    const { values: waiting, streamInfo } = await bucket.status();
    madeAt = streamInfo.created;
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

  async function checkIdentity(): Promise<void> {
    // While the bucket cannot be asked, the watch goes on as it can.
    const status = await bucket.status().catch(() => undefined);
    if (status === undefined || status.streamInfo.created === madeAt) return;
    log.warn({ bucket: status.bucket }, "a bucket was lost and made anew; it is watched from the beginning");
    stopCurrent();
  }

  void watchForEver();
  const checking = setInterval(() => void checkIdentity(), IDENTITY_CHECK_MS).unref();
  return {
    caughtUp: caughtUp.promise,
    close() {
      stopped = true;
      clearInterval(checking);
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

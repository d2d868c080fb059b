import { type BucketHandler, type BucketWatcher, openBucket, watchBucket } from "@millrace/bus";
import type { BusConnection } from "../dispatching/frames-bus.ts";

export type BucketHandlers = Record<"releases" | "functions" | "grants", BucketHandler>;

export interface BucketsLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const RETRY_MS = 500;

/** Follows the three buckets, from as soon as control-plane has made them until `close`. */
export class BucketsBus {
  readonly #connection: BusConnection;
  readonly #log: BucketsLog;
  readonly #watchers: BucketWatcher[] = [];
  readonly #behind: Set<string>;
  /** Resolves when everything that was in the buckets at the start is here. */
  readonly read: Promise<unknown>;
  #closed = false;

  constructor(connection: BusConnection, handlers: BucketHandlers, log: BucketsLog) {
    this.#connection = connection;
    this.#log = log;
    const names = Object.keys(handlers) as (keyof BucketHandlers)[];
    this.#behind = new Set(names);
    this.read = Promise.all(names.map((name) => this.#follow(name, handlers[name])));
  }

  /** Whether everything that was in the buckets at the start is here. */
  get caughtUp(): boolean {
    return this.#behind.size === 0;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
  }

  async #follow(name: keyof BucketHandlers, handler: BucketHandler): Promise<void> {
    const bucket = await this.#open(name);
    if (bucket === null) return;
    const watcher = watchBucket(bucket, handler, this.#log);
    this.#watchers.push(watcher);
    await watcher.caughtUp;
    this.#behind.delete(name);
    this.#log.info({ bucket: name }, "a bucket is read");
  }

  async #open(name: keyof BucketHandlers) {
    for (let attempt = 0; !this.#closed; attempt++) {
      try {
        return await openBucket(this.#connection, name);
      } catch (err) {
        if (attempt === 0) this.#log.warn({ err, bucket: name }, "a bucket is not there yet; waiting for it");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    return null;
  }
}

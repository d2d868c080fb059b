import { setTimeout as sleep } from "node:timers/promises";
import { BUCKETS, type BusLog, busUnavailable, connectBus, openBucket } from "@millrace/bus";
import { OutboxRelay } from "@millrace/projection";
import { query, type Sql } from "@millrace/sql";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { WAITS } from "../limits.ts";
import { isNoted, noteStream } from "./bus-stream-store.ts";
import { grantRender } from "./grant-render.ts";
import { ReprojectingService } from "./reprojecting-service.ts";

export interface GrantsBusOptions {
  sql: Sql;
  schema: string;
  url: string;
  caFile?: string | undefined;
  seed: string | undefined;
  /** Hears how long a key that was written had waited. */
  onWritten?: (waitedMs: number) => void;
  log: BusLog;
}

/** NATS allows the user of this identity the bucket `grants`; every process of the service shares it. */
const IDENTITY = { service: "auth", id: "auth-1" } as const;

/**
 * The projection's way to NATS: connects in the background, waits for control-plane to make the bucket, then relays the outbox. Until
 * then, and whenever NATS is away, marks wait in the outbox, and everything else of the service works. After each reconnection it is
 * asked whether the bucket is still the same one: a bus that has lost what it held is filled again.
 */
export class GrantsBus {
  readonly #options: GrantsBusOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #opening: Promise<void> = Promise.resolve();
  #connection: NatsConnection | undefined;
  #bucket: KV | undefined;
  #relay: OutboxRelay | undefined;

  constructor(options: GrantsBusOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  get relaying(): boolean {
    return this.#relay !== undefined;
  }

  /** Every key that the bucket holds. Throws `unavailable` bus_unavailable. */
  async *keys(): AsyncGenerator<string> {
    if (!this.#bucket) throw busUnavailable();
    try {
      yield* await this.#bucket.keys();
    } catch (cause) {
      throw busUnavailable(cause);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    await this.#relay?.close();
    await this.#connection?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    await this.#open();
    if (!this.#connection) return;
    for await (const { type } of this.#connection.status()) {
      if (type === "reconnect") await this.#open();
    }
  }

  /** Each step waits for a bounded time and is tried again for as long as the service runs. */
  async #open(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        this.#opening = this.#openNext();
        await this.#opening;
        return;
      } catch (err) {
        this.#opening = Promise.resolve();
        this.#options.log.warn({ err }, "the bucket grants cannot be opened yet; it is tried again");
        await sleep(WAITS.busRetryMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #openNext(): Promise<void> {
    const { sql, schema, url, caFile, seed, onWritten, log } = this.#options;
    this.#connection ??= await connectBus({ url, caFile, identity: IDENTITY, seed }, log);
    const { bucket, madeAt } = await existingBucket(this.#connection);
    this.#bucket = bucket;
    if (!(await query(() => isNoted(sql, BUCKETS.grants, madeAt)))) {
      const entries = await new ReprojectingService({ sql, bucketKeys: () => this.keys() }).reproject();
      await query(() => noteStream(sql, BUCKETS.grants, madeAt));
      log.info({ bucket: BUCKETS.grants, entries }, "the bucket is new or has lost data; it is filled");
    }
    if (this.#relay) return;
    const buckets = { [BUCKETS.grants]: bucket };
    const renders = { [BUCKETS.grants]: grantRender(sql) };
    const relay = new OutboxRelay({ sql, schema, buckets, renders, onWritten, log });
    await relay.start();
    this.#relay = relay;
    log.info({ bucket: BUCKETS.grants }, "the outbox is relayed");
  }
}

/** Opening a bucket does not tell whether there is one; asking for its state does, and when it was made. */
async function existingBucket(connection: NatsConnection): Promise<{ bucket: KV; madeAt: Date }> {
  const bucket = await openBucket(connection, BUCKETS.grants);
  const { streamInfo } = await bucket.status();
  return { bucket, madeAt: new Date(streamInfo.created) };
}

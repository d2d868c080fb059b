import type { BusLog } from "@millrace/bus";
import type { Sql } from "@millrace/sql";
import type { KV } from "@nats-io/kv";
import { forgetMark, type MarkedKey, type OutboxRow, oldestMarks } from "./outbox.ts";

/** What a key of a bucket should hold now. `before` is written first, in order (parts before their pointer). */
export interface Rendered {
  before?: readonly { key: string; value: Uint8Array }[];
  /** Absent: the key is deleted. */
  value?: Uint8Array;
}

/** Reads what is committed and answers what the key should hold. */
export type Render = (key: string) => Promise<Rendered>;

export interface RelayOptions {
  sql: Sql;
  schema: string;
  buckets: Readonly<Record<string, KV>>;
  renders: Readonly<Record<string, Render>>;
  /** Hears how long a key that was written had waited. */
  onWritten?: ((waitedMs: number) => void) | undefined;
  log: BusLog;
}

const BATCH = 100;
const POLL_MS = 1_000;
const RETRY_WAIT_MS = 500;

/** Writes marked keys to their buckets until closed. While NATS or PostgreSQL is away the marks wait, and nothing is lost. */
export class OutboxRelay {
  readonly #options: RelayOptions;
  #wake = Promise.withResolvers<void>();
  #closed = false;
  #running: Promise<void> = Promise.resolve();
  #unlisten: () => Promise<void> = async () => {};

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { sql, schema } = this.#options;
    const listening = await sql.listen(`${schema}_outbox`, () => this.#wake.resolve());
    this.#unlisten = () => listening.unlisten();
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake.resolve();
    await this.#running;
    await this.#unlisten();
  }

  /** Works off marks until there are none, or until it fails; then waits for a wake-up. */
  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#wake = Promise.withResolvers<void>();
      try {
        while (!this.#closed && (await this.#relayBatch()) > 0);
        await this.#sleep(POLL_MS);
      } catch (err) {
        this.#options.log.warn({ err }, "the outbox could not be relayed; it is tried again");
        await this.#sleep(RETRY_WAIT_MS);
      }
    }
  }

  /** One pass over the oldest marks, under a lock that keeps a second process from doing the same. */
  async #relayBatch(): Promise<number> {
    const { sql, schema } = this.#options;
    const connection = await sql.reserve();
    try {
      const [lock] = await connection<
        { mine: boolean }[]
      >`select pg_try_advisory_lock(hashtext(${`${schema}_outbox`})) as mine`;
      if (!lock?.mine) return 0;
      const rows = await oldestMarks(connection, BATCH);
      for (const row of rows) await this.#relay(row);
      return rows.length;
    } finally {
      await connection`select pg_advisory_unlock_all()`.catch(() => {});
      connection.release();
    }
  }

  async #relay(row: OutboxRow): Promise<void> {
    await writeKey(this.#options, row);
    this.#options.onWritten?.(Date.now() - row.markedAt.getTime());
    await forgetMark(this.#options.sql, row);
  }

  async #sleep(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#wake.resolve(), ms);
    await this.#wake.promise;
    clearTimeout(timer);
  }
}

async function writeKey({ buckets, renders }: RelayOptions, { bucket, key }: MarkedKey): Promise<void> {
  const kv = buckets[bucket];
  const render = renders[bucket];
  if (!kv || !render) throw new Error(`the outbox names the unknown bucket ${bucket}`);
  const rendered = await render(key);
  for (const part of rendered.before ?? []) await kv.put(part.key, part.value);
  if (rendered.value) await kv.put(key, rendered.value);
  else await kv.delete(key);
}

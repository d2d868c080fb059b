import { query, type Sql } from "@millrace/sql";
import { WAITS } from "../limits.ts";
import { deleteExpired } from "./expiry-store.ts";

export interface SweeperDeps {
  sql: Sql;
  now: () => Date;
  audit: { keepPartitions(): Promise<void> };
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Deletes expired credentials, and what is too old of the audit log, every hour. Credentials are refused from their expiry on. */
export class Sweeper {
  readonly #deps: SweeperDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running = this.sweep();
    }, WAITS.sweepIntervalMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** What fails now is done an hour later. */
  async sweep(): Promise<void> {
    const { sql, now, audit, log } = this.#deps;
    try {
      log.info({ rows: await query(() => deleteExpired(sql, now())) }, "what had expired is deleted");
      await audit.keepPartitions();
    } catch (err) {
      log.warn({ err }, "what has expired could not be deleted");
    }
  }
}

import type { Sql } from "./database.ts";

const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 1_000;

/** Asks the database now and then whether it is there, for readiness. */
export class DatabaseProbe {
  readonly #sql: Sql;
  readonly #timer: NodeJS.Timeout;
  #reachable = true;

  constructor(sql: Sql, intervalMs = INTERVAL_MS) {
    this.#sql = sql;
    this.#timer = setInterval(() => void this.#ask(), intervalMs).unref();
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const timer = Promise.withResolvers<false>();
    const timeout = setTimeout(() => timer.resolve(false), TIMEOUT_MS);
    const answer = this.#sql`select 1`.then(
      () => true,
      () => false,
    );
    this.#reachable = await Promise.race([answer, timer.promise]);
    clearTimeout(timeout);
  }
}

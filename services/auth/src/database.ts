import { setTimeout as sleep } from "node:timers/promises";
import { fromSqlError, migrate, type Sql } from "@millrace/sql";
import { WAITS } from "./limits.ts";

/** Migrates; waits a while for a database that is still starting. */
export async function prepareDatabase(sql: Sql, schema: string, migrations: string): Promise<string[]> {
  const deadline = performance.now() + WAITS.databaseStartMs;
  for (;;) {
    try {
      return await migrate(sql, schema, migrations);
    } catch (error) {
      if (fromSqlError(error).code !== "unavailable" || performance.now() > deadline) throw error;
      await sleep(WAITS.databaseStartRetryMs);
    }
  }
}

/** Asks the database now and then whether it is there, for readiness. */
export class DatabaseProbe {
  readonly #sql: Sql;
  #timer: NodeJS.Timeout | undefined;
  #reachable = true;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#ask(), WAITS.databaseProbeIntervalMs);
    this.#timer.unref();
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const late = AbortSignal.timeout(WAITS.databaseProbeTimeoutMs);
    const timeout = new Promise<false>((resolve) => late.addEventListener("abort", () => resolve(false)));
    const answer = this.#sql`select 1`.then(
      () => true,
      () => false,
    );
    this.#reachable = await Promise.race([answer, timeout]);
  }
}

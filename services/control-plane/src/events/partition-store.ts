import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { forgetSeries } from "./series-store.ts";

// Events are kept in partitions by the day of UTC, so that a day that is over its time goes as a whole.

const TABLES = ["requests", "invocations", "log_lines", "event_gaps"] as const;
export type EventTable = (typeof TABLES)[number];

const DAY_MS = 86_400_000;

export class PartitionStore {
  readonly #sql: Sql;
  /** Partitions that are there. */
  readonly #made = new Set<string>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Makes the partitions that hold these instants. Takes, for a moment, an exclusive lock on a table that lacks one: once a day. */
  async provide(table: EventTable, instants: readonly Date[]): Promise<void> {
    for (const startMs of new Set(instants.map((at) => at.getTime() - (at.getTime() % DAY_MS)))) {
      const name = `${table}_${dayOf(new Date(startMs))}`;
      if (this.#made.has(name)) continue;
      const [from, to] = [startMs, startMs + DAY_MS].map((ms) => new Date(ms).toISOString());
      await inTransaction(this.#sql, async (tx) => {
        await lock(tx);
        await tx.unsafe(
          `create table if not exists ${name} partition of ${table} for values from ('${from}') to ('${to}')`,
        );
      });
      this.#made.add(name);
    }
  }

  /**
   * Drops the days that ended before the retention, and the oldest while a table holds more bytes than it may; today's stays. Makes
   * today's and tomorrow's. Forgets the series that have been silent for so long.
   */
  async turn(now: Date): Promise<void> {
    const today = dayOf(now);
    for (const table of TABLES) {
      await this.provide(table, [now, new Date(now.getTime() + DAY_MS)]);
      const days = await this.#daysOf(table);
      let bytes = days.reduce((sum, day) => sum + day.bytes, 0);
      for (const { name, day, bytes: own } of days) {
        const isOver = day < dayOf(new Date(now.getTime() - LIMITS.eventRetentionDays * DAY_MS));
        if (!isOver && (bytes <= LIMITS.eventTableBytesMax || day >= today)) continue;
        await this.#drop(name);
        bytes -= own;
      }
    }
    await query(() => forgetSeries(this.#sql, new Date(now.getTime() - LIMITS.eventRetentionDays * DAY_MS)));
  }

  async #drop(name: string): Promise<void> {
    this.#made.delete(name);
    await inTransaction(this.#sql, async (tx) => {
      await lock(tx);
      await tx`drop table if exists ${tx(name)}`;
    });
  }

  /** Oldest first. */
  #daysOf(table: EventTable): Promise<{ name: string; day: string; bytes: number }[]> {
    return query(async () => {
      const rows = await this.#sql<{ name: string; bytes: string }[]>`
        select relname as name, pg_total_relation_size(c.oid) as bytes
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = ${table}::regclass
        order by relname`;
      return rows.map(({ name, bytes }) => ({ name, day: name.slice(-8), bytes: Number(bytes) }));
    });
  }
}

function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10).replaceAll("-", "");
}

/** One at a time: two who made the same partition would fail. */
function lock(tx: Transaction) {
  return tx`select pg_advisory_xact_lock(hashtext('event partitions'))`;
}

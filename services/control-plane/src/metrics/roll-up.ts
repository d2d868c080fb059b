import { inTransaction, query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { beginningOf, type Level, USAGE, type UsageKind } from "./usage.ts";
import { dropUsage, markChanged, sumAgain, takeChange } from "./usage-store.ts";

// Hours are sums over minutes, and days over hours. What changed is summed again from below, as a whole: so it does not matter how often,
// in which order, or how late minutes come.

const KINDS = Object.keys(USAGE) as UsageKind[];

export class UsageRollUp {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Sums again what has changed, hours before the days that they are part of; then removes what is over its time. */
  async turn(now: Date): Promise<void> {
    for (const kind of KINDS) {
      for (const level of ["hours", "days"] as const) {
        while (await this.#sumNext(kind, level));
      }
    }
    for (const kind of KINDS) {
      for (const [level, { days, within }] of Object.entries(RETENTION) as [Level, Retention][]) {
        const before = beginningOf(within, new Date(now.getTime() - days * 86_400_000));
        await this.#drop(kind, level, before);
      }
    }
  }

  /** Each in a transaction of its own, so that who stores minutes meanwhile waits for one hour at most. */
  #sumNext(kind: UsageKind, level: "hours" | "days"): Promise<boolean> {
    return inTransaction(this.#sql, async (tx) => {
      const at = await takeChange(tx, kind, level);
      if (at === undefined) return false;
      await sumAgain(tx, kind, level, at);
      if (level === "hours") await markChanged(tx, kind, "days", [at]);
      return true;
    });
  }

  async #drop(kind: UsageKind, level: Level, before: Date): Promise<void> {
    const limit = LIMITS.usageRowsDroppedAtOnce;
    while ((await query(() => dropUsage(this.#sql, kind, level, { before, limit }))) === limit);
  }
}

interface Retention {
  days: number;
  /** What is summed from the level goes as a whole. */
  within: Level;
}

const RETENTION: Record<Level, Retention> = {
  minutes: { days: LIMITS.usageMinutesKeptDays, within: "hours" },
  hours: { days: LIMITS.usageHoursKeptDays, within: "days" },
  days: { days: LIMITS.usageDaysKeptDays, within: "days" },
};

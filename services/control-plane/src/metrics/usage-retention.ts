import { query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { beginningOf, type Level, USAGE, type UsageKind } from "./usage.ts";
import { dropUsage, forgetChanges } from "./usage-store.ts";

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

/** Removes what is over its time, whether or not it could be summed. */
export async function dropOldUsage(sql: Sql, now: Date): Promise<void> {
  for (const kind of Object.keys(USAGE) as UsageKind[]) {
    for (const [level, { days, within }] of Object.entries(RETENTION) as [Level, Retention][]) {
      const before = beginningOf(within, new Date(now.getTime() - days * 86_400_000));
      // A sum over what has gone would be nothing: the one that was made last stays.
      if (within !== level) await query(() => forgetChanges(sql, kind, within, before));
      const limit = LIMITS.usageRowsDroppedAtOnce;
      while ((await query(() => dropUsage(sql, kind, level, { before, limit }))) === limit);
    }
  }
}

import type { BusLog } from "@millrace/bus";
import { inTransaction, query, type Sql } from "@millrace/sql";
import { USAGE, type UsageKind } from "./usage.ts";
import { listChanges, markChanged, sumAgain, takeChange } from "./usage-store.ts";

// Hours are sums over minutes, and days over hours. What changed is summed again from below, as a whole: so it does not matter how often,
// in which order, or how late minutes come.

const KINDS = Object.keys(USAGE) as UsageKind[];

export class UsageRollUp {
  readonly #deps: { sql: Sql; log: BusLog };

  constructor(deps: { sql: Sql; log: BusLog }) {
    this.#deps = deps;
  }

  /**
   * Sums again what has changed before it began, hours before the days that they are part of: what changes meanwhile is the next turn's.
   * What cannot be summed is logged, keeps nothing else waiting, and is tried again with the next turn.
   */
  async turn(): Promise<void> {
    const { sql, log } = this.#deps;
    for (const kind of KINDS) {
      for (const level of ["hours", "days"] as const) {
        for (const at of await query(() => listChanges(sql, kind, level))) {
          await this.#sum(kind, level, at).catch((err: unknown) =>
            log.warn({ err, kind, level, at }, "usage could not be summed; it is tried again"),
          );
        }
      }
    }
  }

  /** Each in a transaction of its own, so that who stores minutes meanwhile waits for one hour at most. */
  #sum(kind: UsageKind, level: "hours" | "days", at: Date): Promise<void> {
    return inTransaction(this.#deps.sql, async (tx) => {
      if (!(await takeChange(tx, kind, level, at))) return;
      await sumAgain(tx, kind, level, at);
      if (level === "hours") await markChanged(tx, kind, "days", [at]);
    });
  }
}

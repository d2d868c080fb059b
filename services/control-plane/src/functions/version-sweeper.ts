import { inTransaction, query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { markVersion } from "../projecting/marks.ts";
import { deleteSurplus, listOverfull } from "./retention-store.ts";

/** Deletes versions that are older than those a function keeps and that nothing uses. Their artifacts follow when nothing else has them. */
export class VersionSweeper {
  readonly #sql: Sql;
  /** Where the next turn goes on: functions whose old versions are all used are not to keep it from others. */
  #after = "";

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  async sweep(): Promise<void> {
    const uids = await query(() => listOverfull(this.#sql, this.#after, LIMITS.sweptFunctionsMax));
    this.#after = uids.length < LIMITS.sweptFunctionsMax ? "" : uids.at(-1)!;
    for (const uid of uids) {
      await inTransaction(this.#sql, async (tx) => {
        for (const number of await deleteSurplus(tx, uid, LIMITS.sweptVersionsMax)) await markVersion(tx, uid, number);
      });
    }
  }
}

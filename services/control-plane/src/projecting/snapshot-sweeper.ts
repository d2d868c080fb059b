import type { BusLog } from "@millrace/bus";
import { inTransaction, query, type Sql } from "@millrace/sql";
import type { BusLink } from "../bus/bus-link.ts";
import { LIMITS } from "../limits.ts";
import { deleteOrphan, dueSnapshots, forgetRetired, lockUnused } from "../releases/snapshot-store.ts";

const BATCH = 100;

/** Takes snapshots off the bus that every deployment has left some time ago. */
export class SnapshotSweeper {
  readonly #deps: { sql: Sql; link: BusLink; clock: () => Date; log: BusLog };

  constructor(deps: { sql: Sql; link: BusLink; clock: () => Date; log: BusLog }) {
    this.#deps = deps;
  }

  async sweep(): Promise<void> {
    const { sql, link, clock, log } = this.#deps;
    if (!link.open) return;
    const before = new Date(clock().getTime() - LIMITS.snapshotRetirementMs);
    for (const digest of await query(() => dueSnapshots(sql, before, BATCH))) {
      if (await this.#take(digest)) log.info({ digest }, "a snapshot was taken off the bus");
    }
  }

  /** The snapshot's row is locked meanwhile, so that a release that serves it again puts its parts after they are gone. */
  #take(digest: string): Promise<boolean> {
    const { sql, link } = this.#deps;
    const { releases } = link.use();
    return inTransaction(sql, async (tx) => {
      const unused = await lockUnused(tx, digest);
      if (unused) {
        for await (const key of await releases.keys(`snapshot.${digest}.*`)) await releases.purge(key);
        await deleteOrphan(tx, digest);
      }
      await forgetRetired(tx, digest);
      return unused;
    });
  }
}

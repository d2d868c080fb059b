import { query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { getProject } from "../projects/project-store.ts";
import type { LogFilter, LogLine, LogPosition } from "./log.ts";
import { deleteOldLines, listLines } from "./log-store.ts";

const DAY_MS = 86_400_000;

export class LogService {
  readonly #deps: { sql: Sql; clock: () => Date };

  constructor(deps: { sql: Sql; clock: () => Date }) {
    this.#deps = deps;
  }

  /** Newest first. */
  list(filter: LogFilter, position: LogPosition | undefined, limit: number): Promise<(LogLine & LogPosition)[]> {
    const { sql } = this.#deps;
    return query(async () => {
      await getProject(sql, filter.project);
      return listLines(sql, filter, { position, limit });
    });
  }

  /** Deletes what is older than the retention, some rows at a time. */
  async trim(): Promise<void> {
    const { sql, clock } = this.#deps;
    const before = new Date(clock().getTime() - LIMITS.logRetentionDays * DAY_MS);
    const { logTrimRowsMax } = LIMITS;
    while ((await query(() => deleteOldLines(sql, before, logTrimRowsMax))) === logTrimRowsMax);
  }
}

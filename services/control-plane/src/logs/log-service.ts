import type { RpcContext } from "@millrace/rpc";
import { query, type Sql } from "@millrace/sql";
import type { EventCursor, EventPosition } from "../events/event.ts";
import { newestCursor } from "../events/event-store.ts";
import { isBeyond } from "../events/position.ts";
import { type Tails, tailedSince } from "../events/tails.ts";
import { LIMITS } from "../limits.ts";
import { getProject } from "../projects/project-store.ts";
import type { LogFilter } from "./log.ts";
import { type ListedLine, linesBeyond, listLines } from "./log-store.ts";

export class LogService {
  readonly #deps: { sql: Sql; clock: () => Date; tails: Tails };

  constructor(deps: { sql: Sql; clock: () => Date; tails: Tails }) {
    this.#deps = deps;
  }

  /** Newest first. */
  list(filter: LogFilter, position: EventPosition | undefined, limit: number): Promise<ListedLine[]> {
    const { sql } = this.#deps;
    return query(async () => {
      await getProject(sql, filter.project);
      return listLines(sql, filter, { position, limit });
    });
  }

  /** `backlog` lines that are there already, then what comes; with a cursor only what came after it. */
  async *tail(
    filter: LogFilter,
    { cursor, backlog, context }: { cursor: EventCursor | undefined; backlog: number; context: RpcContext },
  ): AsyncGenerator<{ rows: ListedLine[]; cursor: EventCursor }> {
    const { sql, clock, tails } = this.#deps;
    const since = () => tailedSince(clock());
    const first = await query(async () => {
      await getProject(sql, filter.project);
      if (cursor) return { rows: [], cursor };
      // In this order: what comes between the two is shown by the tail, and what is older than it by nobody else.
      const newest = await newestCursor(sql, "log_lines", { project: filter.project, since: since() });
      const rows = await listLines(sql, filter, { position: undefined, limit: backlog });
      return { rows: rows.filter((row) => !isBeyond(row, newest)).reverse(), cursor: newest };
    });
    const next = (cursor: EventCursor) =>
      query(() => linesBeyond(sql, filter, { cursor, since: since(), limit: LIMITS.tailEventsMax }));
    yield* tails.follow(context, first, { next });
  }
}

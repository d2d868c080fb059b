import { STREAMS } from "@millrace/bus";
import type { RpcContext } from "@millrace/rpc";
import { query, type Sql } from "@millrace/sql";
import type { EventPosition } from "../events/event.ts";
import { newestCursor, type Scan } from "../events/event-store.ts";
import type { Gap } from "../events/gap.ts";
import { gapsBeyond, listGaps, newestGap } from "../events/gap-store.ts";
import { isBeyond, type Span } from "../events/position.ts";
import { type TailCursor, type Tails, type TailTurn, tailedSince } from "../events/tails.ts";
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
  list(filter: LogFilter, position: EventPosition | undefined, limit: number): Promise<Scan<ListedLine>> {
    const { sql } = this.#deps;
    return query(async () => {
      await getProject(sql, filter.project);
      return listLines(sql, filter, { position, limit });
    });
  }

  /** What is missing in a span of time, newest first. */
  gaps(project: string, span: Span): Promise<Gap[]> {
    return query(() => listGaps(this.#deps.sql, { stream: STREAMS.logs, project }, span));
  }

  /** `backlog` lines that are there already, then what comes; with a cursor only what came after it. */
  async *tail(
    filter: LogFilter,
    { cursor, backlog, context }: { cursor: TailCursor | undefined; backlog: number; context: RpcContext },
  ): AsyncGenerator<TailTurn<ListedLine>> {
    const { sql, clock, tails } = this.#deps;
    const { project } = filter;
    const scope = { stream: STREAMS.logs, project };
    const since = () => tailedSince(clock());
    const first = await query(async () => {
      await getProject(sql, project);
      if (cursor) return { rows: [], gaps: [], cursor };
      // In this order: what comes between the two is shown by the tail, and what is older than it by nobody else.
      const newest = await newestCursor(sql, "log_lines", { project, since: since() });
      const { rows } = await listLines(sql, filter, { position: undefined, limit: backlog });
      const known = { ...newest, gap: await newestGap(sql, scope, since()) };
      return { rows: rows.filter((row) => !isBeyond(row, newest)).reverse(), gaps: [], cursor: known };
    });
    yield* tails.follow(context, first, {
      next: (from) =>
        query(() => linesBeyond(sql, filter, { cursor: from, since: since(), limit: LIMITS.tailEventsMax })),
      gapsBeyond: (id) => query(() => gapsBeyond(sql, scope, { id, since: since() })),
    });
  }
}

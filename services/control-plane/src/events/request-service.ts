import { STREAMS } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import type { RpcContext } from "@millrace/rpc";
import { query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { type ListedLine, listLines } from "../logs/log-store.ts";
import { getProject } from "../projects/project-store.ts";
import type { EventPosition } from "./event.ts";
import { newestCursor, type Scan } from "./event-store.ts";
import { type Explanation, explain } from "./explanation.ts";
import type { Gap } from "./gap.ts";
import { gapsBeyond, listGaps, newestGap } from "./gap-store.ts";
import type { Invocation } from "./invocation.ts";
import { listInvocations } from "./invocation-store.ts";
import { isBeyond, type Span } from "./position.ts";
import type { RequestFilter } from "./request.ts";
import { type ListedRequest, listRequests, requestsBeyond } from "./request-store.ts";
import { type TailCursor, type Tails, type TailTurn, tailedSince } from "./tails.ts";

/** More attempts than a gateway makes. */
const INVOCATIONS_MAX = 100;

export interface RequestReport extends Explanation {
  request: ListedRequest | undefined;
  invocations: Invocation[];
  lines: ListedLine[];
}

export class RequestService {
  readonly #deps: { sql: Sql; clock: () => Date; tails: Tails };

  constructor(deps: { sql: Sql; clock: () => Date; tails: Tails }) {
    this.#deps = deps;
  }

  /** Newest first. */
  list(filter: RequestFilter, position: EventPosition | undefined, limit: number): Promise<Scan<ListedRequest>> {
    const { sql } = this.#deps;
    return query(async () => {
      await this.#mustExist(filter.project);
      return listRequests(sql, filter, { position, limit });
    });
  }

  /** What is missing in a span of time, newest first. */
  gaps(project: string, span: Span): Promise<Gap[]> {
    return query(() => listGaps(this.#deps.sql, { stream: STREAMS.requests, project }, span));
  }

  /** All that is known of one request. Throws `not_found` request_not_found when that is nothing. */
  report(project: string, requestId: string): Promise<RequestReport> {
    const { sql } = this.#deps;
    return query(async () => {
      await this.#mustExist(project);
      const found = await listRequests(sql, { project, requestId }, { position: undefined, limit: 1 });
      const [request] = found.rows;
      const invocations = await listInvocations(sql, { project, requestId, limit: INVOCATIONS_MAX });
      const ofRequest = { project, requestId, function: undefined, after: undefined, before: undefined };
      const { rows: lines } = await listLines(sql, ofRequest, { position: undefined, limit: LIMITS.reportLinesMax });
      lines.reverse();
      if (!request && lines.length === 0 && invocations.length === 0) throw unknownRequest(project, requestId);
      return { request, invocations, lines, ...explain(request?.event, invocations, lines) };
    });
  }

  /** `backlog` requests that are there already, then what comes; with a cursor only what came after it. */
  async *tail(
    filter: RequestFilter,
    { cursor, backlog, context }: { cursor: TailCursor | undefined; backlog: number; context: RpcContext },
  ): AsyncGenerator<TailTurn<ListedRequest>> {
    const { sql, clock, tails } = this.#deps;
    const { project } = filter;
    const scope = { stream: STREAMS.requests, project };
    const since = () => tailedSince(clock());
    const first = await query(async () => {
      await this.#mustExist(project);
      if (cursor) return { rows: [], gaps: [], cursor };
      const newest = await newestCursor(sql, "requests", { project, since: since() });
      const { rows } = await listRequests(sql, filter, { position: undefined, limit: backlog });
      const known = { ...newest, gap: await newestGap(sql, scope, since()) };
      return { rows: rows.filter((row) => !isBeyond(row, newest)).reverse(), gaps: [], cursor: known };
    });
    yield* tails.follow(context, first, {
      next: (from) =>
        query(() => requestsBeyond(sql, filter, { cursor: from, since: since(), limit: LIMITS.tailEventsMax })),
      gapsBeyond: (id) => query(() => gapsBeyond(sql, scope, { id, since: since() })),
    });
  }

  /** Requests that no deployment answered have no project. */
  async #mustExist(project: string): Promise<void> {
    if (project !== "") await getProject(this.#deps.sql, project);
  }
}

function unknownRequest(project: string, requestId: string): PlatformError {
  const whose = project === "" ? "No request that no deployment answered is" : "The project has no request";
  const message =
    `${whose} ${requestId}. It takes a second until one can be found, it is kept for ${LIMITS.eventRetentionDays} days, ` +
    "and in a flood only a part of all is kept.";
  return new PlatformError("not_found", message, { reason: "request_not_found" });
}

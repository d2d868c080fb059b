import { PlatformError } from "@millrace/errors";
import type { RpcContext } from "@millrace/rpc";
import { query, type Sql } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import { type ListedLine, listLines } from "../logs/log-store.ts";
import { getProject } from "../projects/project-store.ts";
import type { EventCursor, EventPosition } from "./event.ts";
import { newestCursor } from "./event-store.ts";
import { type Explanation, explain } from "./explanation.ts";
import type { Invocation } from "./invocation.ts";
import { listInvocations } from "./invocation-store.ts";
import { isBeyond } from "./position.ts";
import type { RequestFilter } from "./request.ts";
import { type ListedRequest, listRequests, requestsBeyond } from "./request-store.ts";
import { type Tails, tailedSince } from "./tails.ts";

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
  list(filter: RequestFilter, position: EventPosition | undefined, limit: number): Promise<ListedRequest[]> {
    const { sql } = this.#deps;
    return query(async () => {
      await getProject(sql, filter.project);
      return listRequests(sql, filter, { position, limit });
    });
  }

  /** All that is known of one request. Throws `not_found` request_not_found when that is nothing. */
  report(project: string, requestId: string): Promise<RequestReport> {
    const { sql } = this.#deps;
    return query(async () => {
      await getProject(sql, project);
      const [request] = await listRequests(sql, { project, requestId }, { position: undefined, limit: 1 });
      const invocations = await listInvocations(sql, { project, requestId, limit: INVOCATIONS_MAX });
      const ofRequest = { project, requestId, function: undefined, after: undefined, before: undefined };
      const lines = await listLines(sql, ofRequest, { position: undefined, limit: LIMITS.reportLinesMax });
      lines.reverse();
      if (!request && lines.length === 0 && invocations.length === 0) throw unknownRequest(requestId);
      return { request, invocations, lines, ...explain(request?.event, invocations, lines) };
    });
  }

  /** `backlog` requests that are there already, then what comes; with a cursor only what came after it. */
  async *tail(
    filter: RequestFilter,
    { cursor, backlog, context }: { cursor: EventCursor | undefined; backlog: number; context: RpcContext },
  ): AsyncGenerator<{ rows: ListedRequest[]; cursor: EventCursor }> {
    const { sql, clock, tails } = this.#deps;
    const since = () => tailedSince(clock());
    const first = await query(async () => {
      await getProject(sql, filter.project);
      if (cursor) return { rows: [], cursor };
      const newest = await newestCursor(sql, "requests", { project: filter.project, since: since() });
      const rows = await listRequests(sql, filter, { position: undefined, limit: backlog });
      return { rows: rows.filter((row) => !isBeyond(row, newest)).reverse(), cursor: newest };
    });
    const next = (cursor: EventCursor) =>
      query(() => requestsBeyond(sql, filter, { cursor, since: since(), limit: LIMITS.tailEventsMax }));
    yield* tails.follow(context, first, { next });
  }
}

function unknownRequest(requestId: string): PlatformError {
  const message =
    `The project has no request ${requestId}. It takes a second until one can be found, it is kept for ${LIMITS.eventRetentionDays} days, ` +
    "and in a flood only a part of all is kept.";
  return new PlatformError("not_found", message, { reason: "request_not_found" });
}

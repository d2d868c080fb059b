import { RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import type { Queryable } from "@millrace/sql";
import type { EventCursor, EventPosition } from "./event.ts";
import {
  below,
  beyond,
  ofProject,
  type PlacedRow,
  placeColumns,
  placed,
  type Scan,
  scanning,
  scanOf,
} from "./event-store.ts";
import { isSearching, type Request, type RequestFilter, type StoredRequest } from "./request.ts";
import type { Received } from "./series.ts";

export type ListedRequest = Request & EventPosition & EventCursor;

type Row = Omit<Request, "event"> & { event: string } & PlacedRow;

/** Stores requests; those that are there already stay as they are. Their days are there. Answers how many were new. */
export async function insertRequests(sql: Queryable, requests: readonly StoredRequest[]): Promise<Received[]> {
  if (requests.length === 0) return [];
  const rows = requests.map(({ event, ...request }) => ({
    ...request,
    api: event.api,
    functionId: event.function,
    keyId: event.keyId,
    status: event.status,
    reason: event.reason,
    path: event.path,
    event: RequestEvent.toJSON(event),
  }));
  const received = await sql<{ sequence: string; project: string; count: string }[]>`
    with stored as (
      insert into requests (
        at, stream_made_at, sequence, place, gateway, project, request_id, api, function_id, key_id, status, reason, path, event
      )
      select
        "at", "streamMadeAt", "sequence", "place", "gateway", "project", "requestId", "api", "functionId", "keyId", "status",
        "reason", "path", "event"
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as told (
        "at" timestamptz, "streamMadeAt" timestamptz, "sequence" bigint, "place" integer, "gateway" text, "project" text,
        "requestId" text, "api" text, "functionId" text, "keyId" text, "status" integer, "reason" text, "path" text,
        "event" jsonb
      )
      on conflict do nothing
      returning sequence, project
    )
    select sequence, project, count(*) as count
    from stored
    group by sequence, project`;
  return received.map(({ sequence, project, count }) => ({
    sequence: Number(sequence),
    project,
    count: Number(count),
  }));
}

/**
 * Newest first, after `position`. By the index requests_by_* of what is asked for, or requests_by_project, of each day; among what it
 * answers the rest of the filter is looked for, in so many rows as may be scanned.
 */
export async function listRequests(
  sql: Queryable,
  filter: RequestFilter,
  { position, limit }: { position: EventPosition | undefined; limit: number },
): Promise<Scan<ListedRequest>> {
  const { after, before } = filter;
  const order = sql`at desc, sequence desc, place desc`;
  const scanMax = isSearching(filter) ? scanning(limit) : limit;
  const rows = await sql<(Row & { matches: boolean; number: string })[]>`
    select ${columns(sql)}, matches, number
    from (
      select *, ${matching(sql, filter)} as matches, row_number() over w as number, lead(true) over w is null as is_last
      from (
        select *
        from requests
        where
          ${indexed(sql, filter)}
          ${after === undefined ? sql`` : sql`and at >= ${after}`}
          ${before === undefined ? sql`` : sql`and at < ${before}`}
          ${position === undefined ? sql`` : below(sql, "place", position)}
        order by ${order}
        limit ${scanMax}
      ) near
      window w as (order by ${order})
    ) scanned
    where matches or is_last
    order by ${order}
    limit ${limit}`;
  return scanOf(rows, scanMax, requestOf);
}

/** In the order in which they reached the stream, after `cursor`. By the index requests_by_arrival of each day. */
export async function requestsBeyond(
  sql: Queryable,
  filter: RequestFilter,
  { cursor, since, limit }: { cursor: EventCursor; since: Date; limit: number },
): Promise<Scan<ListedRequest>> {
  const order = sql`stream_made_at, sequence, place`;
  const rows = await sql<(Row & { matches: boolean; number: string })[]>`
    select ${columns(sql)}, matches, number
    from (
      select *, ${matching(sql, filter)} as matches, row_number() over w as number, lead(true) over w is null as is_last
      from (
        select *
        from requests
        where ${ofProject(sql, filter.project)} ${beyond(sql, "place", cursor, since)}
        order by ${order}
        limit ${limit}
      ) near
      window w as (order by ${order})
    ) scanned
    where matches or is_last
    order by ${order}`;
  return scanOf(rows, limit, requestOf);
}

function requestOf(row: Row): ListedRequest {
  return { ...placed(row), event: RequestEvent.fromJSON(JSON.parse(row.event)) };
}

function columns(sql: Queryable) {
  return sql`at, gateway, project, request_id, event::text as event, ${placeColumns(sql, "place")}`;
}

/** What an index finds. */
function indexed(sql: Queryable, filter: RequestFilter) {
  const { project, requestId, api, keyId, status, reason } = filter;
  const statusClass = status === undefined || status < 10 ? status : Math.trunc(status / 100);
  return sql`
    ${ofProject(sql, project)}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}
    ${filter.function === undefined ? sql`` : sql`and function_id = ${filter.function}`}
    ${api === undefined ? sql`` : sql`and api = ${api}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${reason === undefined ? sql`` : sql`and reason = ${reason}`}
    ${statusClass === undefined ? sql`` : sql`and status / 100 = ${statusClass}`}
    ${status === undefined || status < 10 ? sql`` : sql`and status = ${status}`}`;
}

/** All of the filter, of rows that are at hand. Members that are false, or 0, are not in an event's JSON. */
function matching(sql: Queryable, filter: RequestFilter) {
  const { functionVersion, runner, cold, attemptsMin, durationMsMin, pathContains, text } = filter;
  const words = sql`concat_ws(
    ' ', path, event ->> 'host', event ->> 'referer', event ->> 'userAgent', event ->> 'sourceIp', event ->> 'forwardedFor'
  )`;
  return sql`
    (${indexed(sql, filter)}
    ${functionVersion === undefined ? sql`` : sql`and (event -> 'functionVersion')::int = ${functionVersion}`}
    ${runner === undefined ? sql`` : sql`and event ->> 'runner' = ${runner}`}
    ${cold === undefined ? sql`` : sql`and coalesce((event -> 'cold')::boolean, false) = ${cold}`}
    ${attemptsMin === undefined ? sql`` : sql`and (event -> 'attempts')::int >= ${attemptsMin}`}
    ${durationMsMin === undefined ? sql`` : sql`and (event -> 'durationMs')::float8 >= ${durationMsMin}`}
    ${filter.group === undefined ? sql`` : sql`and event ->> 'group' = ${filter.group}`}
    ${filter.environment === undefined ? sql`` : sql`and event ->> 'environment' = ${filter.environment}`}
    ${filter.method === undefined ? sql`` : sql`and event ->> 'method' = ${filter.method}`}
    ${pathContains === undefined ? sql`` : sql`and strpos(lower(path), lower(${pathContains})) > 0`}
    ${text === undefined ? sql`` : sql`and strpos(lower(${words}), lower(${text})) > 0`}) is true`;
}

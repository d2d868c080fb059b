import { RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import type { Queryable } from "@millrace/sql";
import type { EventCursor, EventPosition } from "./event.ts";
import { below, beyond, ofProject, type PlacedRow, placeColumns, placed } from "./event-store.ts";
import type { Request, RequestFilter, StoredRequest } from "./request.ts";

export type ListedRequest = Request & EventPosition & EventCursor;

type Row = Omit<Request, "event"> & { event: string } & PlacedRow;

/** Stores requests; those that are there already stay as they are. Their days are there. */
export async function insertRequests(sql: Queryable, requests: readonly StoredRequest[]): Promise<void> {
  if (requests.length === 0) return;
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
  await sql`
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
    on conflict do nothing`;
}

/** Newest first, after `position`. By the index requests_by_* of what is asked for, or requests_by_project, of each day. */
export async function listRequests(
  sql: Queryable,
  filter: RequestFilter,
  { position, limit }: { position: EventPosition | undefined; limit: number },
): Promise<ListedRequest[]> {
  const { after, before } = filter;
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from requests
    where
      ${matching(sql, filter)}
      ${after === undefined ? sql`` : sql`and at >= ${after}`}
      ${before === undefined ? sql`` : sql`and at < ${before}`}
      ${position === undefined ? sql`` : below(sql, "place", position)}
    order by at desc, sequence desc, place desc
    limit ${limit}`;
  return rows.map(requestOf);
}

/** In the order in which they reached the stream, after `cursor`. By the index requests_by_arrival of each day. */
export async function requestsBeyond(
  sql: Queryable,
  filter: RequestFilter,
  { cursor, since, limit }: { cursor: EventCursor; since: Date; limit: number },
): Promise<ListedRequest[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from requests
    where ${matching(sql, filter)} ${beyond(sql, "place", cursor, since)}
    order by stream_made_at, sequence, place
    limit ${limit}`;
  return rows.map(requestOf);
}

function requestOf(row: Row): ListedRequest {
  return { ...placed(row), event: RequestEvent.fromJSON(JSON.parse(row.event)) };
}

function columns(sql: Queryable) {
  return sql`at, gateway, project, request_id, event::text as event, ${placeColumns(sql, "place")}`;
}

function matching(sql: Queryable, filter: RequestFilter) {
  const { project, requestId, api, keyId, status, reason, pathContains } = filter;
  const statusClass = status === undefined || status < 10 ? status : Math.trunc(status / 100);
  return sql`
    ${ofProject(sql, project)}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}
    ${filter.function === undefined ? sql`` : sql`and function_id = ${filter.function}`}
    ${api === undefined ? sql`` : sql`and api = ${api}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${reason === undefined ? sql`` : sql`and reason = ${reason}`}
    ${statusClass === undefined ? sql`` : sql`and status / 100 = ${statusClass}`}
    ${status === undefined || status < 10 ? sql`` : sql`and status = ${status}`}
    ${pathContains === undefined ? sql`` : sql`and strpos(lower(path), lower(${pathContains})) > 0`}`;
}

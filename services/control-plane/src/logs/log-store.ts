import type { Queryable } from "@millrace/sql";
import type { EventCursor, EventPosition } from "../events/event.ts";
import { below, beyond, ofProject, type PlacedRow, placeColumns, placed } from "../events/event-store.ts";
import type { LogFilter, LogLine, StoredLine } from "./log.ts";

export type ListedLine = LogLine & EventPosition & EventCursor;

/** Stores lines; those that are there already stay as they are. Their days are there. */
export async function insertLines(sql: Queryable, lines: readonly StoredLine[]): Promise<void> {
  if (lines.length === 0) return;
  const column = <Value>(read: (line: StoredLine) => Value) => lines.map(read);
  await sql`
    insert into log_lines (
      stream_made_at, sequence, line, at, runner, project, function_uid, function_id, function_version, request_id, level,
      message
    )
    select *
    from unnest(
      ${column((line) => line.streamMadeAt.toISOString())}::timestamptz[],
      ${column((line) => line.sequence)}::bigint[],
      ${column((line) => line.place)}::int[],
      ${column((line) => line.at.toISOString())}::timestamptz[],
      ${column((line) => line.runner)}::text[],
      ${column((line) => line.project)}::text[],
      ${column((line) => line.functionUid)}::text[],
      ${column((line) => line.functionId)}::text[],
      ${column((line) => line.functionVersion)}::int[],
      ${column((line) => line.requestId)}::text[],
      ${column((line) => line.level)}::text[],
      ${column((line) => line.message)}::text[]
    )
    on conflict do nothing`;
}

/** Newest first, after `position`. By the index log_lines_by_request, log_lines_by_function or log_lines_by_project of each day. */
export async function listLines(
  sql: Queryable,
  filter: LogFilter,
  { position, limit }: { position: EventPosition | undefined; limit: number },
): Promise<ListedLine[]> {
  const { after, before } = filter;
  const rows = await sql<(LogLine & PlacedRow)[]>`
    select ${columns(sql)}
    from log_lines
    where
      ${matching(sql, filter)}
      ${after === undefined ? sql`` : sql`and at >= ${after}`}
      ${before === undefined ? sql`` : sql`and at < ${before}`}
      ${position === undefined ? sql`` : below(sql, "line", position)}
    order by at desc, sequence desc, line desc
    limit ${limit}`;
  return rows.map(placed);
}

/** In the order in which they reached the stream, after `cursor`. By the index log_lines_by_arrival of each day. */
export async function linesBeyond(
  sql: Queryable,
  filter: LogFilter,
  { cursor, since, limit }: { cursor: EventCursor; since: Date; limit: number },
): Promise<ListedLine[]> {
  const rows = await sql<(LogLine & PlacedRow)[]>`
    select ${columns(sql)}
    from log_lines
    where ${matching(sql, filter)} ${beyond(sql, "line", cursor, since)}
    order by stream_made_at, sequence, line
    limit ${limit}`;
  return rows.map(placed);
}

function columns(sql: Queryable) {
  return sql`at, runner, function_id, function_version, request_id, level, message, ${placeColumns(sql, "line")}`;
}

function matching(sql: Queryable, filter: LogFilter) {
  const { requestId } = filter;
  return sql`
    ${ofProject(sql, filter.project)}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}
    ${filter.function === undefined ? sql`` : sql`and function_id = ${filter.function}`}`;
}

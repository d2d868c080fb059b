import type { Queryable } from "@millrace/sql";
import type { EventCursor, EventPosition } from "../events/event.ts";
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
} from "../events/event-store.ts";
import type { Received } from "../events/series.ts";
import { LIMITS } from "../limits.ts";
import { isSearching, type LogFilter, type LogLine, type StoredLine } from "./log.ts";

export type ListedLine = LogLine & EventPosition & EventCursor;

/** Stores lines; those that are there already stay as they are. Their days are there. Answers how many were new. */
export async function insertLines(sql: Queryable, lines: readonly StoredLine[]): Promise<Received[]> {
  if (lines.length === 0) return [];
  const column = <Value>(read: (line: StoredLine) => Value) => lines.map(read);
  const received = await sql<{ sequence: string; project: string; count: string }[]>`
    with stored as (
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
 * Newest first, after `position`. By the index log_lines_by_request, log_lines_by_function or log_lines_by_project of each day; among what
 * it answers the rest of the filter is looked for, in so many rows as may be scanned.
 */
export async function listLines(
  sql: Queryable,
  filter: LogFilter,
  { position, limit }: { position: EventPosition | undefined; limit: number },
): Promise<Scan<ListedLine>> {
  const { after, before } = filter;
  const order = sql`at desc, sequence desc, line desc`;
  const scanMax = isSearching(filter) ? scanning(limit) : limit;
  const rows = await sql<ScannedRow[]>`
    select ${columns(sql)}, matches, number
    from (
      select *, ${matching(sql, filter)} as matches, row_number() over w as number, lead(true) over w is null as is_last
      from (
        select *
        from log_lines
        where
          ${indexed(sql, filter)}
          ${after === undefined ? sql`` : sql`and at >= ${after}`}
          ${before === undefined ? sql`` : sql`and at < ${before}`}
          ${position === undefined ? sql`` : below(sql, "line", position)}
        order by ${order}
        limit ${scanMax}
      ) near
      window w as (order by ${order})
    ) scanned
    where matches or is_last
    order by ${order}
    limit ${limit}`;
  return scanOf(rows, scanMax, placed);
}

/** In the order in which they reached the stream, after `cursor`. By the index log_lines_by_arrival of each day. */
export async function linesBeyond(
  sql: Queryable,
  filter: LogFilter,
  { cursor, since, limit }: { cursor: EventCursor; since: Date; limit: number },
): Promise<Scan<ListedLine>> {
  const order = sql`stream_made_at, sequence, line`;
  const rows = await sql<ScannedRow[]>`
    select ${columns(sql)}, matches, number
    from (
      select *, ${matching(sql, filter)} as matches, row_number() over w as number, lead(true) over w is null as is_last
      from (
        select *
        from log_lines
        where ${ofProject(sql, filter.project)} ${beyond(sql, "line", cursor, since)}
        order by ${order}
        limit ${limit}
      ) near
      window w as (order by ${order})
    ) scanned
    where matches or is_last
    order by ${order}`;
  return scanOf(rows, limit, placed);
}

type ScannedRow = LogLine & PlacedRow & { matches: boolean; number: string };

function columns(sql: Queryable) {
  return sql`at, runner, function_id, function_version, request_id, level, message, ${placeColumns(sql, "line")}`;
}

/** What an index finds. */
function indexed(sql: Queryable, filter: LogFilter) {
  const { requestId } = filter;
  return sql`
    ${ofProject(sql, filter.project)}
    ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}
    ${filter.function === undefined ? sql`` : sql`and function_id = ${filter.function}`}`;
}

/** All of the filter, of rows that are at hand. */
function matching(sql: Queryable, filter: LogFilter) {
  const { levels, version, runner, text } = filter;
  return sql`
    (${indexed(sql, filter)}
    ${levels === undefined ? sql`` : sql`and level = any(${levels})`}
    ${version === undefined ? sql`` : sql`and function_version = ${version}`}
    ${runner === undefined ? sql`` : sql`and runner = ${runner}`}
    ${text === undefined ? sql`` : sql`and strpos(lower(left(message, ${LIMITS.searchedCharsMax})), lower(${text})) > 0`}) is true`;
}

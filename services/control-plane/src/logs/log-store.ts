import type { Queryable } from "@millrace/sql";
import type { LogFilter, LogLine, LogPosition, StoredLine } from "./log.ts";

/** Stores lines; those that are there already stay as they are. */
export async function insertLines(sql: Queryable, lines: readonly StoredLine[]): Promise<void> {
  if (lines.length === 0) return;
  const column = <Value>(read: (line: StoredLine) => Value) => lines.map(read);
  await sql`
    insert into log_lines (
      stream_made_at, sequence, line, at, project, function_uid, function_id, function_version, request_id, level, message
    )
    select *
    from unnest(
      ${column((line) => line.streamMadeAt.toISOString())}::timestamptz[],
      ${column((line) => line.sequence)}::bigint[],
      ${column((line) => line.line)}::int[],
      ${column((line) => line.at.toISOString())}::timestamptz[],
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

/**
 * Newest first, after `position`. Lines from before the project was made are another project's of the same name. By the index
 * log_lines_by_request, log_lines_by_function or log_lines_by_project.
 */
export async function listLines(
  sql: Queryable,
  filter: LogFilter,
  { position, limit }: { position: LogPosition | undefined; limit: number },
): Promise<(LogLine & LogPosition)[]> {
  const { project, requestId, after, before } = filter;
  const rows = await sql<(LogLine & { atMicros: string; sequence: string; line: number })[]>`
    select
      at, function_id, function_version, request_id, level, message,
      (extract(epoch from at) * 1000000)::bigint as at_micros, sequence, line
    from log_lines
    where
      project = ${project}
      and at >= (select created_at from projects where id = ${project})
      ${requestId === undefined ? sql`` : sql`and request_id = ${requestId}`}
      ${filter.function === undefined ? sql`` : sql`and function_id = ${filter.function}`}
      ${after === undefined ? sql`` : sql`and at >= ${after}`}
      ${before === undefined ? sql`` : sql`and at < ${before}`}
      ${position === undefined ? sql`` : below(sql, position)}
    order by at desc, sequence desc, line desc
    limit ${limit}`;
  return rows.map((row) => ({ ...row, atMicros: Number(row.atMicros), sequence: Number(row.sequence) }));
}

/** Deletes at most `limit` lines from before an instant; answers how many. By the index log_lines_by_age. */
export async function deleteOldLines(sql: Queryable, before: Date, limit: number): Promise<number> {
  const result = await sql`
    delete from log_lines
    where ctid = any(array(
      select ctid
      from log_lines
      where at < ${before}
      limit ${limit}
    ))`;
  return result.count;
}

function below(sql: Queryable, { atMicros, sequence, line }: LogPosition) {
  return sql`
    and (at, sequence, line)
      < (timestamptz 'epoch' + ${atMicros}::bigint * interval '1 microsecond', ${sequence}::bigint, ${line}::int)`;
}

import type { Queryable } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import type { Gap, GapScope } from "./gap.ts";

type Row = Omit<Gap, "id" | "count"> & { id: string; count: string };

/** Their days are there. */
export async function insertGaps(sql: Queryable, gaps: readonly (Omit<Gap, "id"> & GapScope)[]): Promise<void> {
  if (gaps.length === 0) return;
  await sql`
    insert into event_gaps (at, since, stream, project, source, cause, count)
    select "at", "since", "stream", "project", "source", "cause", "count"
    from jsonb_to_recordset(${JSON.stringify(gaps)}::text::jsonb) as found (
      "at" timestamptz, "since" timestamptz, "stream" text, "project" text, "source" text, "cause" text, "count" bigint
    )`;
}

/** Those that ended from one instant up to and without another, newest first. By the index event_gaps_by_time of each day. */
export async function listGaps(
  sql: Queryable,
  { stream, project }: GapScope,
  { after, before }: { after: Date | undefined; before: Date | undefined },
): Promise<Gap[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from event_gaps
    where
      ${ofScope(sql, stream, project)}
      ${after === undefined ? sql`` : sql`and at >= ${after}`}
      ${before === undefined ? sql`` : sql`and at < ${before}`}
    order by at desc, id desc
    limit ${LIMITS.gapsMax}`;
  return rows.map(gapOf);
}

/** In the order in which they were found, after one of them. By the index event_gaps_by_arrival of each day. */
export async function gapsBeyond(
  sql: Queryable,
  { stream, project }: GapScope,
  { id, since }: { id: number; since: Date },
): Promise<Gap[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from event_gaps
    where ${ofScope(sql, stream, project)} and id > ${id} and at >= ${since}
    order by id
    limit ${LIMITS.gapsMax}`;
  return rows.map(gapOf);
}

/** The last that was found; 0 for none. By the index event_gaps_by_arrival of each day. */
export async function newestGap(sql: Queryable, { stream, project }: GapScope, since: Date): Promise<number> {
  const [row] = await sql<{ id: string }[]>`
    select id
    from event_gaps
    where ${ofScope(sql, stream, project)} and at >= ${since}
    order by id desc
    limit 1`;
  return Number(row?.id ?? 0);
}

function columns(sql: Queryable) {
  return sql`id, at, since, source, cause, count`;
}

/** Gaps of before the project was made are another's of the same name. */
function ofScope(sql: Queryable, stream: string, project: string) {
  const ofThisProject = project === "" ? sql`` : sql`and at >= (select created_at from projects where id = ${project})`;
  return sql`stream = ${stream} and project = ${project} ${ofThisProject}`;
}

function gapOf(row: Row): Gap {
  return { ...row, id: Number(row.id), count: Number(row.count) };
}

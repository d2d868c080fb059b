import type { Queryable } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import type { EventCursor, EventPosition } from "./event.ts";

// The parts of statements that lists and tails of all kinds of events share.

/** What an event's position and cursor are made of; `place` is its column. */
export interface PlacedRow {
  atMicros: string;
  streamMadeAtMicros: string;
  sequence: string;
  place: number;
}

export function placeColumns(sql: Queryable, place: "line" | "place") {
  return sql`
    (extract(epoch from at) * 1000000)::bigint as at_micros,
    (extract(epoch from stream_made_at) * 1000000)::bigint as stream_made_at_micros,
    sequence, ${sql(place)} as place`;
}

export function placed<Row extends PlacedRow>(row: Row) {
  return {
    ...row,
    atMicros: Number(row.atMicros),
    streamMadeAtMicros: Number(row.streamMadeAtMicros),
    sequence: Number(row.sequence),
  };
}

/** What was found among rows that were looked through in order. */
export interface Scan<Row> {
  rows: Row[];
  /** The last that was looked at, found or not; undefined when there was none. */
  last: Row | undefined;
  /** Nothing may lie behind it. */
  isWhole: boolean;
}

/** The last row of a scan is answered also when it does not match. */
export function scanOf<Raw extends { matches: boolean; number: string }, Row>(
  raw: readonly Raw[],
  scanMax: number,
  read: (row: Raw) => Row,
): Scan<Row> {
  const last = raw.at(-1);
  return {
    rows: raw.filter(({ matches }) => matches).map(read),
    last: last && read(last),
    isWhole: Number(last?.number ?? 0) < scanMax,
  };
}

/** How many rows are looked through for a page of `limit`. */
export function scanning(limit: number): number {
  return Math.max(limit, LIMITS.scannedMax);
}

/** Events of before the project was made are another's of the same name. Those of no project are told apart by their project, which is empty. */
export function ofProject(sql: Queryable, project: string) {
  if (project === "") return sql`project = ''`;
  return sql`project = ${project} and at >= (select created_at from projects where id = ${project})`;
}

export function below(sql: Queryable, column: "line" | "place", { atMicros, sequence, place }: EventPosition) {
  return sql`and (at, sequence, ${sql(column)}) < (${instant(sql, atMicros)}, ${sequence}::bigint, ${place}::int)`;
}

/** What reached the stream later. `since` spares the days of which nothing can. */
export function beyond(sql: Queryable, column: "line" | "place", cursor: EventCursor, since: Date) {
  const { streamMadeAtMicros, sequence, place } = cursor;
  return sql`
    and at >= ${since}
    and (stream_made_at, sequence, ${sql(column)})
      > (${instant(sql, streamMadeAtMicros)}, ${sequence}::bigint, ${place}::int)`;
}

/** The last that reached the stream; the beginning of time when there is none. By the indexes requests_by_arrival, log_lines_by_arrival. */
export async function newestCursor(
  sql: Queryable,
  table: "requests" | "log_lines",
  { project, since }: { project: string; since: Date },
): Promise<EventCursor> {
  const column = table === "requests" ? "place" : "line";
  const [row] = await sql<PlacedRow[]>`
    select ${placeColumns(sql, column)}
    from ${sql(table)}
    where project = ${project} and at >= ${since}
    order by stream_made_at desc, sequence desc, ${sql(column)} desc
    limit 1`;
  return row ? placed(row) : { streamMadeAtMicros: 0, sequence: 0, place: 0 };
}

function instant(sql: Queryable, micros: number) {
  return sql`timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;
}

import type { Queryable, Transaction } from "@millrace/sql";
import type { Gap, GapScope } from "./gap.ts";

/** What a batch of messages says, or has brought, of one series. */
export interface SeriesNews {
  source: string;
  project: string;
  series: number;
  told: number;
  dropped: number;
  /** Of its events that were not there before. */
  received: number;
  streamMadeAt: Date;
  sequence: number;
  /** When the bus took the message that told the most. */
  toldAt: Date;
}

/** How far a stream's consumer has come: of what lies before, nothing is still to be delivered. */
export interface Floor {
  streamMadeAt: Date;
  sequence: number;
}

/** The gaps that came to light, and whether anything else has not come. */
export interface Found {
  gaps: (Omit<Gap, "id"> & GapScope)[];
  isMissing: boolean;
}

/**
 * Adds what a batch brought. Answers the gaps that sources told of. One at a time for each stream: it takes an advisory lock until the
 * transaction ends, and the rows of the series.
 */
export async function addToSeries(tx: Transaction, stream: string, news: readonly SeriesNews[]): Promise<Found> {
  if (news.length === 0) return { gaps: [], isMissing: false };
  await lock(tx, stream);
  const rows = await tx<
    { source: string; project: string; since: Date; at: Date; newlyDropped: string; missing: boolean }[]
  >`
    with news as (
      select *
      from jsonb_to_recordset(${JSON.stringify(news)}::text::jsonb) as told (
        "source" text, "project" text, "series" bigint, "told" bigint, "dropped" bigint, "received" bigint,
        "streamMadeAt" timestamptz, "sequence" bigint, "toldAt" timestamptz
      )
    ),
    -- The statement sees these as they were before it.
    known as (
      select s.*
      from event_series s
      join news n on s.source = n."source" and s.project = n."project" and s.series = n."series"
      where s.stream = ${stream}
    ),
    added as (
      insert into event_series as s (
        stream, source, project, series, told, dropped, received, lost, stream_made_at, sequence, told_at, whole_until
      )
      select
        ${stream}, "source", "project", "series", "told", "dropped", "received", 0, "streamMadeAt", "sequence", "toldAt",
        case when "told" > "received" then to_timestamp("series" / 1000.0) else "toldAt" end
      from news
      on conflict (stream, source, project, series) do update set
        told = greatest(s.told, excluded.told),
        dropped = greatest(s.dropped, excluded.dropped),
        received = s.received + excluded.received,
        stream_made_at = case when excluded.told >= s.told then excluded.stream_made_at else s.stream_made_at end,
        sequence = case when excluded.told >= s.told then excluded.sequence else s.sequence end,
        told_at = greatest(s.told_at, excluded.told_at),
        whole_until = case
          when greatest(s.told, excluded.told) > s.received + excluded.received + s.lost then s.whole_until
          else greatest(s.told_at, excluded.told_at)
        end
      returning source, project, series, dropped, told_at, told > received + lost as missing
    )
    select
      a.source, a.project, coalesce(k.told_at, to_timestamp(a.series / 1000.0)) as since, a.told_at as at,
      a.dropped - coalesce(k.dropped, 0) as newly_dropped, a.missing
    from added a
    left join known k on k.source = a.source and k.project = a.project and k.series = a.series`;
  const gaps = rows
    .filter(({ newlyDropped }) => Number(newlyDropped) > 0)
    .map(({ source, project, since, at, newlyDropped }) => {
      return { stream, source, project, since, at, cause: "source" as const, count: Number(newlyDropped) };
    });
  return { gaps, isMissing: rows.some(({ missing }) => missing) };
}

/**
 * Of what is missing, counts as lost what cannot come any more: all that was told up to the consumer's floor. By the index
 * event_series_missing; takes the same lock.
 */
export async function settleSeries(tx: Transaction, stream: string, { streamMadeAt, sequence }: Floor): Promise<Found> {
  await lock(tx, stream);
  const rows = await tx<{ source: string; project: string; since: Date; at: Date; count: string }[]>`
    with missing as (
      select *
      from event_series
      where stream = ${stream} and told > received + lost
        and (stream_made_at, sequence) <= (${streamMadeAt}::timestamptz, ${sequence}::bigint)
    )
    update event_series s set lost = s.told - s.received, whole_until = s.told_at
    from missing m
    where s.stream = m.stream and s.source = m.source and s.project = m.project and s.series = m.series
    returning s.source, s.project, m.whole_until as since, s.told_at as at, m.told - m.received - m.lost as count`;
  const [left] = await tx<{ missing: boolean }[]>`
    select exists (select from event_series where stream = ${stream} and told > received + lost) as missing`;
  const gaps = rows.map(({ count, ...row }) => ({ ...row, stream, cause: "bus" as const, count: Number(count) }));
  return { gaps, isMissing: left?.missing ?? false };
}

/** Series of which nothing can come any more. By the index event_series_by_time. */
export async function forgetSeries(sql: Queryable, before: Date): Promise<void> {
  await sql`delete from event_series where told_at < ${before}`;
}

function lock(tx: Transaction, stream: string) {
  return tx`select pg_advisory_xact_lock(hashtext('event series ' || ${stream}))`;
}

import type { Queryable } from "@millrace/sql";
import type { DeploymentKey } from "./deployment.ts";

// What happened to a deployment: its releases and its events as one list.

export interface HistoryEntry {
  at: Date;
  kind: "released" | "rolled_back" | "offline" | "online" | "alias_moved";
  author: string;
  /** Of a release; 0 of an event. */
  release: number;
  revision: number;
  rollbackOf: number;
  detail: string;
  place: HistoryPlace;
}

/** Where an entry stands: by time in microseconds, then by table, then by number. */
export interface HistoryPlace {
  atMicros: number;
  /** 1: a release, 0: an event. */
  table: number;
  number: number;
}

interface Row extends Omit<HistoryEntry, "place"> {
  atMicros: string;
  table: number;
  number: string;
}

/** Entries before `before`, newest first. By the indexes releases_by_time and deployment_events_by_time. */
export async function listHistory(
  sql: Queryable,
  { label, environment }: DeploymentKey,
  { before, limit }: { before: HistoryPlace; limit: number },
): Promise<HistoryEntry[]> {
  const { atMicros, table, number } = before;
  const at = sql`timestamptz 'epoch' + ${atMicros} * interval '1 microsecond'`;
  const rows = await sql<Row[]>`
    select
      created_at as at, (extract(epoch from created_at) * 1000000)::bigint as at_micros, "table", number, kind, author, release,
      revision, rollback_of, detail
    from (
      (
        select
          created_at, 1 as "table", number::bigint as number,
          case when rollback_of = 0 then 'released' else 'rolled_back' end as kind, author, number as release, revision,
          rollback_of, note as detail
        from releases
        where
          group_label = ${label} and environment = ${environment}
          and created_at <= ${at}
          and (created_at, 1, number) < (${at}, ${table}::int, ${number}::bigint)
        order by created_at desc, number desc
        limit ${limit}
      )
      union all
      (
        select created_at, 0 as "table", id as number, kind, author, 0 as release, 0 as revision, 0 as rollback_of, detail
        from deployment_events
        where
          group_label = ${label} and environment = ${environment}
          and created_at <= ${at}
          and (created_at, 0, id) < (${at}, ${table}::int, ${number}::bigint)
        order by created_at desc, id desc
        limit ${limit}
      )
    ) entries
    order by created_at desc, "table" desc, number desc
    limit ${limit}`;
  return rows.map(({ atMicros, table, number, ...entry }) => ({
    ...entry,
    place: { atMicros: Number(atMicros), table, number: Number(number) },
  }));
}

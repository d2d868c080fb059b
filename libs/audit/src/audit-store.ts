import type { Queryable } from "@millrace/sql";
import type { AuditEvent, AuditFilter, AuditLine, AuditPosition } from "./audit-event.ts";

// Each service has the tables `audit_events`, a partition for each month, and `audit_chains`, with the functions that are called here,
// from its migration `create_audit_events`.

/** Writes a line at the end of its chain, whose row stays locked until the transaction ends. */
export async function appendLine(sql: Queryable, line: AuditLine): Promise<void> {
  const columns = {
    chain: line.chain,
    project: line.project,
    actor: line.actor,
    credential: line.credential,
    method: line.method,
    object: line.object,
    outcome: line.outcome,
    reason: line.reason,
    fields: line.fields,
    before: line.before,
    after: line.after,
    peer: line.peer,
    user_agent: line.userAgent,
    not_recorded: line.notRecorded,
  };
  await sql`select append_audit_event(${JSON.stringify(columns)}::text::json)`;
}

/** Newest first, after `position`. By the index audit_events_by_project, audit_events_by_actor or audit_events_by_time. */
export function listEvents(
  sql: Queryable,
  filter: AuditFilter,
  { position, limit }: { position: AuditPosition | undefined; limit: number },
): Promise<(AuditEvent & AuditPosition)[]> {
  const { project, since, actor, object, action, outcome, after, before } = filter;
  return sql<(AuditEvent & AuditPosition)[]>`
    select
      chain, sequence, at, project, actor, credential, method, object, outcome, reason, fields, before, after, peer, user_agent,
      not_recorded, hash, (extract(epoch from at) * 1000000)::bigint as at_micros
    from audit_events
    where
      true
      ${project === undefined ? sql`` : sql`and project = ${project}`}
      ${since === undefined ? sql`` : sql`and at >= ${since}`}
      ${actor === "" ? sql`` : sql`and actor = ${actor}`}
      ${object === "" ? sql`` : sql`and (object = ${object} or starts_with(object, ${`${object}/`}))`}
      ${action === "" ? sql`` : sql`and method like ${`%/${action}`}`}
      ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
      ${after === undefined ? sql`` : sql`and at >= ${after}`}
      ${before === undefined ? sql`` : sql`and at < ${before}`}
      ${position === undefined ? sql`` : below(sql, position)}
    order by at desc, chain desc, sequence desc
    limit ${limit}`;
}

/** Makes the partitions of this month and the next ones, and drops those whose every line is too old; by the database's clock. */
export async function keepPartitions(sql: Queryable, monthsAhead: number, retentionDays: number): Promise<void> {
  await sql`select make_audit_partitions(now(), ${monthsAhead})`;
  await sql`select drop_audit_partitions(now() - make_interval(days => ${retentionDays}))`;
}

function below(sql: Queryable, { atMicros, chain, sequence }: AuditPosition) {
  return sql`
    and (at, chain, sequence)
      < (timestamptz 'epoch' + ${atMicros}::bigint * interval '1 microsecond', ${chain}::text, ${sequence}::bigint)`;
}

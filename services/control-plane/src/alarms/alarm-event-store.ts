import type { Queryable, Sql, Transaction } from "@millrace/sql";
import type { AlarmState, Rule } from "./alarm.ts";
import type { Verdict } from "./delivery.ts";
import type { Change } from "./notification.ts";

// Changes of state, and the outbox of their deliveries.

export interface AlarmEvent extends Change {
  rule: Pick<Rule, "metric" | "comparison" | "threshold">;
  delivery: EventDelivery | undefined;
}

export interface EventDelivery {
  id: string;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  status: number;
  error: string;
  attemptedAt: Date | undefined;
  nextAttemptAt: Date | undefined;
}

/** An attempt that this process makes. */
export interface Claim {
  alarmUid: string;
  number: number;
  project: string;
  at: Date;
  deliveryId: string;
  body: string;
  /** With this one. */
  attempts: number;
}

interface Row extends Pick<Rule, "metric" | "comparison" | "threshold"> {
  number: number;
  at: Date;
  fromState: AlarmState;
  toState: AlarmState;
  value: number | null;
  calls: string;
  windowStart: Date;
  windowEnd: Date;
  delivery: EventDelivery["state"] | null;
  deliveryId: string | null;
  attempts: number;
  attemptedAt: Date | null;
  nextAttemptAt: Date | null;
  status: number;
  error: string;
}

/** With a delivery when somebody is to be told. */
export async function insertAlarmEvent(
  tx: Transaction,
  { uid, project, rule }: { uid: string; project: string; rule: Rule },
  change: Change,
  delivery: { id: string; body: string } | undefined,
): Promise<void> {
  const { number, at, from, to, value, calls, window } = change;
  await tx`
    insert into alarm_events (
      alarm_uid, number, project, at, from_state, to_state, value, calls, window_start, window_end, metric, comparison,
      threshold, delivery, delivery_id, body, next_attempt_at
    )
    values (
      ${uid}, ${number}, ${project}, ${at}, ${from}, ${to}, ${value ?? null}, ${calls}, ${window.from}, ${window.to},
      ${rule.metric}, ${rule.comparison}, ${rule.threshold}, ${delivery ? "pending" : null}, ${delivery?.id ?? null},
      ${delivery?.body ?? null}, ${delivery ? at : null}
    )`;
}

/** Newest first, those before `before` by number. By primary key. */
export async function listAlarmEvents(
  sql: Queryable,
  { uid, before, limit }: { uid: string; before: number; limit: number },
): Promise<AlarmEvent[]> {
  const rows = await sql<Row[]>`
    select
      number, at, from_state, to_state, value, calls, window_start, window_end, metric, comparison, threshold, delivery,
      delivery_id, attempts, attempted_at, next_attempt_at, status, error
    from alarm_events
    where alarm_uid = ${uid} and number < ${before}
    order by number desc
    limit ${limit}`;
  return rows.map(fromRow);
}

/** Gives up the oldest pending deliveries of an alarm beyond `max`: what came later says more. By the index alarm_events_pending. */
export async function supersedeDeliveries(tx: Transaction, uid: string, max: number): Promise<void> {
  await tx`
    update alarm_events
    set delivery = 'failed', error = 'superseded', body = null, next_attempt_at = null
    where alarm_uid = ${uid} and delivery = 'pending' and number <= (
      select number
      from alarm_events
      where alarm_uid = ${uid} and delivery = 'pending'
      order by number desc
      offset ${max}
      limit 1
    )`;
}

/** Gives up all pending deliveries of an alarm. By the index alarm_events_pending. */
export async function failDeliveries(tx: Transaction, uid: string, error: string): Promise<void> {
  await tx`
    update alarm_events
    set delivery = 'failed', error = ${error}, body = null, next_attempt_at = null
    where alarm_uid = ${uid} and delivery = 'pending'`;
}

/**
 * Begins an attempt of the delivery that is due longest, of no project of `except`; others who look meanwhile pass it by, and find it
 * again at `lostAt` unless it has been settled. By the index alarm_events_due.
 */
export async function claimDelivery(
  sql: Sql,
  { now, lostAt, except }: { now: Date; lostAt: Date; except: readonly string[] },
): Promise<Claim | undefined> {
  const [claim] = await sql<Claim[]>`
    update alarm_events e
    set attempts = e.attempts + 1, attempted_at = ${now}, next_attempt_at = ${lostAt}
    from (
      select alarm_uid, number
      from alarm_events
      where delivery = 'pending' and next_attempt_at <= ${now} and project <> all(${[...except]}::text[])
      order by next_attempt_at
      limit 1
      for update skip locked
    ) due
    where e.alarm_uid = due.alarm_uid and e.number = due.number
    returning e.alarm_uid, e.number, e.project, e.at, e.delivery_id, e.body, e.attempts`;
  return claim;
}

/** Ends an attempt, unless it has been taken for lost and another began. By primary key. */
export async function settleAttempt(
  tx: Queryable,
  { alarmUid, number, attempts }: Claim,
  verdict: Verdict,
  status: number,
): Promise<void> {
  const { state } = verdict;
  await tx`
    update alarm_events
    set
      delivery = ${state},
      status = ${status},
      error = ${state === "delivered" ? "" : verdict.error},
      next_attempt_at = ${state === "pending" ? verdict.nextAttemptAt : null},
      body = case when ${state} = 'pending' then body end
    where alarm_uid = ${alarmUid} and number = ${number} and attempts = ${attempts} and delivery = 'pending'`;
}

/** Forgets what happened before an instant, at most so much; answers how much there was. By the index alarm_events_by_age. */
export async function forgetAlarmEvents(sql: Sql, { before, limit }: { before: Date; limit: number }): Promise<number> {
  const { count } = await sql`
    delete from alarm_events
    where ctid = any(array(select ctid from alarm_events where at < ${before} order by at limit ${limit}))`;
  return count;
}

function fromRow(row: Row): AlarmEvent {
  const { number, at, fromState, toState, value, calls, windowStart, windowEnd, metric, comparison, threshold } = row;
  return {
    number,
    at,
    from: fromState,
    to: toState,
    value: value ?? undefined,
    calls: Number(calls),
    window: { from: windowStart, to: windowEnd },
    rule: { metric, comparison, threshold },
    delivery:
      row.delivery === null
        ? undefined
        : {
            id: row.deliveryId!,
            state: row.delivery,
            attempts: row.attempts,
            status: row.status,
            error: row.error,
            attemptedAt: row.attemptedAt ?? undefined,
            nextAttemptAt: row.nextAttemptAt ?? undefined,
          },
  };
}

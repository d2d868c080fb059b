import type { Environment } from "@millrace/names";
import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Alarm, Rule, Target } from "./alarm.ts";

interface Row extends Omit<Alarm, "target" | "rule" | "version" | Optional>, Rule {
  group: string | null;
  label: string | null;
  environment: string | null;
  api: string;
  function: string | null;
  functionUid: string | null;
  version: string;
  webhookUrl: string | null;
  webhookGoneAt: Date | null;
  secretOverlapUntil: Date | null;
  value: number | null;
  evaluatedTo: Date | null;
}

type Optional = "webhookUrl" | "webhookGoneAt" | "secretOverlapUntil" | "value" | "evaluatedTo";

interface NewAlarm extends Pick<Alarm, "uid" | "project" | "id" | "description" | "target" | "rule" | "webhookUrl"> {
  sealedSecret: Buffer;
  now: Date;
}

/** An alarm, with the names of its target. */
const alarms = (sql: Queryable) => sql`
  select
    a.uid, a.project, a.id, a.description, g.id as group, a.group_label as label, a.environment, a.api, f.id as function,
    a.function_uid, a.metric, a.comparison, a.threshold, a.window_minutes, a.min_calls, a.alarm_after, a.ok_after,
    a.missing_data, a.webhook_url, a.webhook_gone_at, a.secret_overlap_until, a.state, a.state_since, a.value, a.evaluated_to,
    a.version, a.created_at, a.updated_at
  from alarms a
  left join api_groups g on g.label = a.group_label
  left join functions f on f.uid = a.function_uid`;

/** Throws `already_exists` alarm_exists. */
export async function insertAlarm(tx: Transaction, alarm: NewAlarm): Promise<void> {
  const { uid, project, id, description, target, rule, webhookUrl, sealedSecret, now } = alarm;
  const { label, environment, api, functionUid } = targetColumns(target);
  const insert = tx`
    insert into alarms (
      uid, project, id, description, group_label, environment, api, function_uid, metric, comparison, threshold,
      window_minutes, min_calls, alarm_after, ok_after, missing_data, webhook_url, sealed_secret, state_since, evaluate_at
    )
    values (
      ${uid}, ${project}, ${id}, ${description}, ${label}, ${environment}, ${api}, ${functionUid}, ${rule.metric},
      ${rule.comparison}, ${rule.threshold}, ${rule.windowMinutes}, ${rule.minCalls}, ${rule.alarmAfter}, ${rule.okAfter},
      ${rule.missingData}, ${webhookUrl ?? null}, ${sealedSecret}, ${now}, ${now}
    )`;
  await unlessTaken(insert, "alarms_id", () => alreadyExists("alarm", id));
}

/** Throws `not_found` alarm_not_found. By the index alarms_id. */
export async function getAlarm(sql: Queryable, project: string, id: string): Promise<Alarm> {
  const [row] = await sql<Row[]>`
    ${alarms(sql)}
    where a.project = ${project} and a.id = ${id}`;
  if (!row) throw notFound("alarm", id);
  return fromRow(row);
}

/** As getAlarm; locks the alarm until the transaction ends, but nothing that it is about. */
export async function lockAlarm(tx: Transaction, project: string, id: string): Promise<Alarm> {
  const [row] = await tx<Row[]>`
    ${alarms(tx)}
    where a.project = ${project} and a.id = ${id}
    for update of a`;
  if (!row) throw notFound("alarm", id);
  return fromRow(row);
}

/** Alarms after `after` by id. By the index alarms_id. */
export async function listAlarms(
  sql: Queryable,
  { project, after, limit }: { project: string; after: string; limit: number },
): Promise<Alarm[]> {
  const rows = await sql<Row[]>`
    ${alarms(sql)}
    where a.project = ${project} and a.id > ${after}
    order by a.id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By the index alarms_id. */
export async function countAlarms(sql: Queryable, project: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from alarms
    where project = ${project}`;
  return row!.count;
}

export async function updateDescription(tx: Transaction, uid: string, description: string): Promise<void> {
  await tx`
    update alarms
    set description = ${description}, version = version + 1, updated_at = now()
    where uid = ${uid}`;
}

/** What was counted in a row begins anew. */
export async function updateRule(tx: Transaction, uid: string, target: Target, rule: Rule): Promise<void> {
  const { label, environment, api, functionUid } = targetColumns(target);
  await tx`
    update alarms
    set
      group_label = ${label},
      environment = ${environment},
      api = ${api},
      function_uid = ${functionUid},
      metric = ${rule.metric},
      comparison = ${rule.comparison},
      threshold = ${rule.threshold},
      window_minutes = ${rule.windowMinutes},
      min_calls = ${rule.minCalls},
      alarm_after = ${rule.alarmAfter},
      ok_after = ${rule.okAfter},
      missing_data = ${rule.missingData},
      verdict = null,
      verdict_count = 0,
      version = version + 1,
      updated_at = now()
    where uid = ${uid}`;
}

export async function updateWebhook(tx: Transaction, uid: string, url: string | undefined): Promise<void> {
  await tx`
    update alarms
    set webhook_url = ${url ?? null}, webhook_gone_at = null, version = version + 1, updated_at = now()
    where uid = ${uid}`;
}

/** Where an alarm's changes are told; undefined for nowhere, or when its receiver is gone. By primary key. */
export async function findWebhook(sql: Queryable, uid: string): Promise<string | undefined> {
  const [row] = await sql<{ webhookUrl: string | null }[]>`
    select webhook_url
    from alarms
    where uid = ${uid} and webhook_gone_at is null`;
  return row?.webhookUrl ?? undefined;
}

/** Notes that the receiver is gone, unless the alarm has another by now. */
export async function switchOffWebhook(tx: Transaction, uid: string, url: string, now: Date): Promise<boolean> {
  const { count } = await tx`
    update alarms
    set webhook_gone_at = ${now}
    where uid = ${uid} and webhook_url = ${url} and webhook_gone_at is null`;
  return count > 0;
}

/** The secret of now becomes the one before. */
export async function rotateSecret(tx: Transaction, uid: string, sealed: Buffer, overlapUntil: Date): Promise<void> {
  await tx`
    update alarms
    set
      sealed_secret_before = sealed_secret,
      sealed_secret = ${sealed},
      secret_overlap_until = ${overlapUntil},
      version = version + 1,
      updated_at = now()
    where uid = ${uid}`;
}

/** The sealed secrets that sign at an instant, newest first. By primary key. */
export async function sealedSecrets(sql: Queryable, uid: string, now: Date): Promise<Buffer[]> {
  const [row] = await sql<{ sealedSecret: Buffer; before: Buffer | null }[]>`
    select sealed_secret, case when secret_overlap_until > ${now} then sealed_secret_before end as before
    from alarms
    where uid = ${uid}`;
  return row ? [row.sealedSecret, ...(row.before ? [row.before] : [])] : [];
}

/** With its history. */
export async function deleteAlarm(tx: Transaction, uid: string): Promise<void> {
  await tx`
    delete from alarms
    where uid = ${uid}`;
}

function targetColumns(target: Target) {
  if (target.kind === "function") return { label: null, environment: null, api: "", functionUid: target.uid };
  const { label, environment, api } = target;
  return { label, environment, api, functionUid: null };
}

function fromRow(row: Row): Alarm {
  return {
    uid: row.uid,
    project: row.project,
    id: row.id,
    description: row.description,
    target:
      row.functionUid === null
        ? {
            kind: "deployment",
            group: row.group!,
            label: row.label!,
            environment: row.environment as Environment,
            api: row.api,
          }
        : { kind: "function", function: row.function!, uid: row.functionUid },
    rule: {
      metric: row.metric,
      comparison: row.comparison,
      threshold: row.threshold,
      windowMinutes: row.windowMinutes,
      minCalls: row.minCalls,
      alarmAfter: row.alarmAfter,
      okAfter: row.okAfter,
      missingData: row.missingData,
    },
    webhookUrl: row.webhookUrl ?? undefined,
    webhookGoneAt: row.webhookGoneAt ?? undefined,
    secretOverlapUntil: row.secretOverlapUntil ?? undefined,
    state: row.state,
    stateSince: row.stateSince,
    value: row.value ?? undefined,
    evaluatedTo: row.evaluatedTo ?? undefined,
    version: Number(row.version),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

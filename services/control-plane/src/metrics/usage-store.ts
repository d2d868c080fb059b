import type { Queryable, Transaction } from "@millrace/sql";
import { LIMITS } from "../limits.ts";
import {
  beginningOf,
  camel,
  DURATION_COLUMNS,
  LEVEL_MS,
  type Level,
  type TotalsOf,
  USAGE,
  type UsageKind,
  type UsageShape,
} from "./usage.ts";

/** Whose counts are read. */
export type UsageTarget =
  | { kind: "requests"; hostLabels: readonly string[]; api?: string | undefined; keyId?: string | undefined }
  | { kind: "invocations"; functionUids: readonly string[]; version?: number | undefined };

/** From an instant up to and without another. */
export interface UsageWindow {
  from: Date;
  to: Date;
}

/** A row of a minute, as a source told it: columns and their values. */
export type MinuteRow = Record<string, string | number | Date> & { at: Date; number: number };

/** Columns that name a series, and their values. */
export type UsageNames = Record<string, string | number>;

export interface UsageRow {
  /** When the step began; missing when there is one for all of the time. */
  at?: Date;
  names: UsageNames;
  totals: TotalsOf[UsageKind];
}

/**
 * Stores minutes: the last word of each series, whatever comes first. Marks what is to be summed again, in order, and keeps those rows
 * locked until the transaction ends.
 */
export async function putMinutes(tx: Transaction, kind: UsageKind, rows: readonly MinuteRow[]): Promise<void> {
  if (rows.length === 0) return;
  const shape = USAGE[kind];
  const table = `${shape.table}_minutes`;
  const key = [shape.keys[0]!, "at", ...shape.keys.slice(1), shape.source, "epoch"];
  const counts = [...shape.sums, ...shape.peaks, ...DURATION_COLUMNS];
  const columns = [...key, "number", ...counts];
  const updates = ["number", ...counts].map((column) => `${column} = excluded.${column}`).join(", ");
  const newest = newestOf(rows, key);
  for (let at = 0; at < newest.length; at += LIMITS.usageRowsStoredAtOnce) {
    const some = JSON.stringify(newest.slice(at, at + LIMITS.usageRowsStoredAtOnce));
    await tx`
      insert into ${tx(table)} as told (${listOf(tx, columns)})
      select ${listOf(tx, columns)}
      from jsonb_populate_recordset(null::${tx(table)}, ${some}::text::jsonb)
      on conflict (${listOf(tx, key)}) do update
      set ${tx.unsafe(updates)}
      where told.number < excluded.number`;
  }
  await markChanged(
    tx,
    kind,
    "hours",
    rows.map(({ at }) => at),
  );
}

/** Columns, which are the closed lists' or `apart`'s: never what a caller has sent. */
function listOf(sql: Queryable, columns: readonly string[]) {
  return sql.unsafe(columns.join(", "));
}

/** One statement takes each row once. In everybody's order, so that two who store do not wait for each other. */
function newestOf(rows: readonly MinuteRow[], key: readonly string[]): MinuteRow[] {
  const newest = new Map<string, MinuteRow>();
  for (const row of rows) {
    const name = JSON.stringify(key.map((column) => row[column]));
    if ((newest.get(name)?.number ?? -1) < row.number) newest.set(name, row);
  }
  return [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Marks hours or days that are to be summed again. */
export async function markChanged(
  tx: Transaction,
  kind: UsageKind,
  level: "hours" | "days",
  instants: readonly Date[],
): Promise<void> {
  const beginnings = new Set(instants.map((at) => beginningOf(level, at).toISOString()));
  await tx`
    insert into usage_changes as known (kind, level, at)
    select ${kind}, ${level}, at
    from unnest(${[...beginnings].toSorted()}::timestamptz[]) as changed (at)
    on conflict (kind, level, at) do update
    set mark = known.mark + 1`;
}

/** What was counted of the target in all. By the primary key of the minutes. */
export async function usageOf<Target extends UsageTarget>(
  sql: Queryable,
  target: Target,
  window: UsageWindow,
): Promise<TotalsOf[Target["kind"]]> {
  const [row] = await readUsage(sql, target, { ...window, level: "minutes", apart: [], limit: 1 });
  return (row ? row.totals : NOTHING[target.kind]) as TotalsOf[Target["kind"]];
}

export interface UsageQuestion extends UsageWindow {
  level: Level;
  /** Length of the steps of time, counted from 1970; one for all of the time when it is missing. */
  stepMs?: number | undefined;
  /** Columns by which sums are kept apart. */
  apart: readonly string[];
  /** Of `apart`, the values that are wanted. */
  only?: readonly UsageNames[] | undefined;
  limit: number;
}

/** Sums of the target, in order of time; without steps the busiest first. By the primary key of the level's table. */
export async function readUsage(sql: Queryable, target: UsageTarget, question: UsageQuestion): Promise<UsageRow[]> {
  const shape = USAGE[target.kind];
  const { from, to, level, stepMs, apart, only, limit } = question;
  const step = stepMs === undefined ? sql`` : sql`date_bin(${`${stepMs} ms`}::interval, at, 'epoch') as step,`;
  const names = apart.length === 0 ? sql`` : sql`${listOf(sql, apart)},`;
  const groups = [...(stepMs === undefined ? [] : ["step"]), ...apart];
  const grouped = groups.length === 0 ? sql`having count(*) > 0` : sql`group by ${listOf(sql, groups)}`;
  const order = [stepMs === undefined ? "sum(count) desc" : "step", ...apart];
  const rows = await sql<Record<string, string | number | Date>[]>`
    select ${step} ${names} ${sql.unsafe(sumsOf(shape))}
    from ${sql(`${shape.table}_${level}`)}
    where
      ${matching(sql, target)}
      and at >= ${from}
      and at < ${to}
      ${only === undefined ? sql`` : among(sql, apart, only)}
    ${grouped}
    order by ${listOf(sql, order)}
    limit ${limit}`;
  return rows.map((row) => ({
    ...(row.step instanceof Date && { at: row.step }),
    names: Object.fromEntries(apart.map((column) => [column, row[camel(column)] as string | number])),
    totals: totalsOf(shape, row),
  }));
}

function among(sql: Queryable, apart: readonly string[], only: readonly UsageNames[]) {
  const columns = apart.map((column, i) => {
    const values = only.map((names) => names[column]!);
    const list = column === "version" ? sql`${values as number[]}::int[]` : sql`${values as string[]}::text[]`;
    return i === 0 ? list : sql`, ${list}`;
  });
  return sql`and (${listOf(sql, apart)}) in (select * from unnest(${columns}))`;
}

function matching(sql: Queryable, target: UsageTarget) {
  if (target.kind === "invocations") {
    const { functionUids, version } = target;
    return sql`
      function_uid = any(${[...functionUids]}::text[])
      ${version === undefined ? sql`` : sql`and version = ${version}`}`;
  }
  const { hostLabels, api, keyId } = target;
  return sql`
    host_label = any(${[...hostLabels]}::text[])
    ${api === undefined ? sql`` : sql`and api = ${api}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}`;
}

/** As a select has them: each count summed, or its largest. */
function sumsOf({ sums, peaks }: UsageShape): string {
  return [
    ...[...sums, ...DURATION_COLUMNS].map((column) => `sum(${column})::bigint as ${column}`),
    ...peaks.map((column) => `max(${column}) as ${column}`),
  ].join(", ");
}

function totalsOf({ sums, peaks }: UsageShape, row: Record<string, unknown>): TotalsOf[UsageKind] {
  const counts = [...sums, ...peaks].map((column) => [camel(column), Number(row[camel(column)] ?? 0)]);
  const durations = DURATION_COLUMNS.map((column) => Number(row[camel(column)] ?? 0));
  return { ...Object.fromEntries(counts), durations } as TotalsOf[UsageKind];
}

const NOTHING: TotalsOf = {
  requests: totalsOf(USAGE.requests, {}) as TotalsOf["requests"],
  invocations: totalsOf(USAGE.invocations, {}) as TotalsOf["invocations"],
};

/** Removes what is older, at most so many rows; answers how many there were. By the index *_by_age. */
export async function dropUsage(
  sql: Queryable,
  kind: UsageKind,
  level: Level,
  { before, limit }: { before: Date; limit: number },
): Promise<number> {
  const table = sql(`${USAGE[kind].table}_${level}`);
  const { count } = await sql`
    delete from ${table}
    where ctid = any(array(select ctid from ${table} where at < ${before} order by at limit ${limit}))`;
  return count;
}

/** The hours or days that wait to be summed again, oldest first. By the primary key. */
export async function listChanges(sql: Queryable, kind: UsageKind, level: "hours" | "days"): Promise<Date[]> {
  const rows = await sql<{ at: Date }[]>`
    select at
    from usage_changes
    where kind = ${kind} and level = ${level}
    order by at`;
  return rows.map(({ at }) => at);
}

/** Whether the hour or day still waits, and nobody else sums it; its mark is gone with the transaction. By the primary key. */
export async function takeChange(
  tx: Transaction,
  kind: UsageKind,
  level: "hours" | "days",
  at: Date,
): Promise<boolean> {
  const { count } = await tx`
    delete from usage_changes
    where (kind, level, at) in (
      select kind, level, at
      from usage_changes
      where kind = ${kind} and level = ${level} and at = ${at}
      for update skip locked
    )`;
  return count > 0;
}

/** What is older waits no more. By the primary key. */
export async function forgetChanges(sql: Queryable, kind: UsageKind, level: Level, before: Date): Promise<void> {
  await sql`
    delete from usage_changes
    where kind = ${kind} and level = ${level} and at < ${before}`;
}

/** Makes an hour of its minutes, or a day of its hours, anew. By the index *_by_age of both. */
export async function sumAgain(tx: Transaction, kind: UsageKind, level: "hours" | "days", at: Date): Promise<void> {
  const shape = USAGE[kind];
  const [table, below] = [level, level === "days" ? "hours" : "minutes"].map((name) => `${shape.table}_${name}`);
  const counts = [...shape.sums, ...DURATION_COLUMNS, ...shape.peaks];
  const keys = listOf(tx, shape.keys);
  const end = new Date(at.getTime() + LEVEL_MS[level]);
  await tx`delete from ${tx(table!)} where at = ${at}`;
  await tx`
    insert into ${tx(table!)} (at, ${keys}, ${listOf(tx, counts)})
    select ${at}::timestamptz, ${keys}, ${tx.unsafe(sumsOf(shape))}
    from ${tx(below!)}
    where at >= ${at} and at < ${end}
    group by ${keys}`;
}

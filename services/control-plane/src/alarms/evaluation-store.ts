import type { Sql, Transaction } from "@millrace/sql";
import type { Alarm } from "./alarm.ts";
import type { Standing } from "./alarm-state.ts";
import { getAlarm } from "./alarm-store.ts";

// Which alarm is next, and how it stands. Several processes take turns: of a project only one evaluates,
// which holds the alarm's row too, and the others pass the project by.

export interface Due {
  alarm: Alarm;
  standing: Standing;
  /** Number of the newest event. */
  events: number;
  /** Since when. */
  at: Date;
}

type Row = Pick<Alarm, "project" | "id" | "state"> & {
  verdict: Standing["verdict"] | null;
  verdictCount: number;
  evaluatedTo: Date | null;
  events: number;
  evaluateAt: Date;
};

/**
 * The alarm that is due longest, of no project that somebody else is evaluating for, and how many of these it was passed by for; its row
 * and its project are the caller's until the transaction ends. By the index alarms_due.
 */
export async function lockDue(tx: Transaction, now: Date): Promise<{ due: Due | undefined; busy: number }> {
  const busy: string[] = [];
  for (;;) {
    const next = await tryDueProject(tx, now, busy);
    if (!next) return { due: undefined, busy: busy.length };
    // Once the project is ours: what was due before may have been evaluated meanwhile.
    const row = next.isOurs ? await lockDueOf(tx, now, next.project) : undefined;
    if (row) return { due: await dueOf(tx, row), busy: busy.length };
    busy.push(next.project);
  }
}

/** The lock is asked for of the one project that comes out of the inner query, and of none that it has looked at. */
async function tryDueProject(tx: Transaction, now: Date, except: readonly string[]) {
  const [next] = await tx<{ project: string; isOurs: boolean }[]>`
    select project, pg_try_advisory_xact_lock(hashtext('alarms of ' || project)) as is_ours
    from (
      select project
      from alarms
      where evaluate_at <= ${now} and project <> all(${[...except]}::text[])
      order by evaluate_at
      limit 1
    ) longest`;
  return next;
}

async function lockDueOf(tx: Transaction, now: Date, project: string): Promise<Row | undefined> {
  const [row] = await tx<Row[]>`
    select project, id, state, verdict, verdict_count, evaluated_to, events, evaluate_at
    from alarms
    where evaluate_at <= ${now} and project = ${project}
    order by evaluate_at
    limit 1
    for update skip locked`;
  return row;
}

async function dueOf(tx: Transaction, row: Row): Promise<Due> {
  const { state, verdict, verdictCount, evaluatedTo, events } = row;
  return {
    alarm: await getAlarm(tx, row.project, row.id),
    standing: { state, verdict: verdict ?? undefined, verdictCount, evaluatedTo: evaluatedTo ?? undefined },
    events,
    at: row.evaluateAt,
  };
}

export async function saveStanding(
  tx: Transaction,
  uid: string,
  { state, verdict, verdictCount, evaluatedTo }: Standing,
  { value, changedAt, nextAt }: { value: number | undefined; changedAt: Date | undefined; nextAt: Date },
): Promise<void> {
  await tx`
    update alarms
    set
      state = ${state},
      verdict = ${verdict ?? null},
      verdict_count = ${verdictCount},
      evaluated_to = ${evaluatedTo ?? null},
      value = ${value ?? null},
      evaluate_at = ${nextAt},
      ${changedAt ? tx`state_since = ${changedAt}, events = events + 1,` : tx``}
      uid = uid
    where uid = ${uid}`;
}

/** Puts off what could not be evaluated, so that the others have their turn. */
export async function putOff(sql: Sql, uid: string, nextAt: Date): Promise<void> {
  await sql`
    update alarms
    set evaluate_at = greatest(evaluate_at, ${nextAt})
    where uid = ${uid}`;
}

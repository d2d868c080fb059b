import type { Sql, Transaction } from "@millrace/sql";
import type { Alarm } from "./alarm.ts";
import type { Standing } from "./alarm-state.ts";
import { getAlarm } from "./alarm-store.ts";

// Which alarm is next, and how it stands. Several processes take turns: who holds an alarm's row evaluates it, and the others pass it by.

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

/** The alarm that is due longest, of no project of `except`, and that nobody else holds; locked. Undefined for none. By the index alarms_due. */
export async function lockDue(tx: Transaction, now: Date, except: readonly string[]): Promise<Due | undefined> {
  const [row] = await tx<Row[]>`
    select project, id, state, verdict, verdict_count, evaluated_to, events, evaluate_at
    from alarms
    where evaluate_at <= ${now} and project <> all(${[...except]}::text[])
    order by evaluate_at
    limit 1
    for update skip locked`;
  if (!row) return undefined;
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

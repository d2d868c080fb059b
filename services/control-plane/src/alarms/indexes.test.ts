import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Queryable, Sql, Transaction } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { planOf } from "../testing/plan.ts";
import { claimDelivery, forgetAlarmEvents, listAlarmEvents, supersedeDeliveries } from "./alarm-event-store.ts";
import { lockDue } from "./evaluation-store.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });

const now = new Date();
const STATEMENTS: [string, (sql: Queryable) => Promise<unknown>, RegExp][] = [
  ["the alarm that is due", (tx) => lockDue(tx as Transaction, now), /alarms_due/],
  ["events of an alarm", (tx) => listAlarmEvents(tx, { uid: "al", before: 9, limit: 9 }), /alarm_events_pkey/],
  ["the delivery that is due", (tx) => claimDelivery(tx as Sql, { now, lostAt: now, except: [] }), /alarm_events_due/],
  ["deliveries that wait", (tx) => supersedeDeliveries(tx as Transaction, "al", 9), /alarm_events_pending/],
  ["old events", (tx) => forgetAlarmEvents(tx as Sql, { before: now, limit: 9 }), /alarm_events_by_age/],
];

for (const [name, ask, index] of STATEMENTS) {
  test(`${name}: found, and put into order, by an index`, async () => {
    const plan = await planOf(sql, ask);
    assert.match(plan, index);
    assert.doesNotMatch(plan, /Seq Scan|Sort {2}\(/, plan);
  });
}

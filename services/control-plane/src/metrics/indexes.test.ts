import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Queryable, Transaction } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { planOf } from "../testing/plan.ts";
import { functionUidsOf, labelsOf } from "./target-store.ts";
import { DURATION_COLUMNS, USAGE } from "./usage.ts";
import { dropUsage, forgetChanges, listChanges, readUsage, sumAgain, takeChange, usageOf } from "./usage-store.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });

const at = new Date("2026-11-20T00:00:00Z");

/** Many series over a day, so that it matters which index is taken. */
for (const kind of ["requests", "invocations"] as const) {
  const { table, keys, source, sums, peaks } = USAGE[kind];
  const counts = [...sums, ...peaks, ...DURATION_COLUMNS];
  const names = keys.map((key) => (key === "version" ? "1" : "'n' || n"));
  for (const level of ["minutes", "hours", "days"]) {
    const told = level === "minutes" ? [source, "epoch", "number"] : [];
    await sql.unsafe(`
      insert into ${table}_${level} (${[...keys, "at", ...told, ...counts].join()})
      select ${[...names, `'${at.toISOString()}'::timestamptz + s * interval '30 minutes'`].join()}
        ${told.length > 0 ? ", 'one', 1, 1" : ""}, ${counts.map(() => "0").join()}
      from generate_series(1, 100) n, generate_series(0, 47) s`);
    await sql.unsafe(`analyze ${table}_${level}`);
  }
}

const before = new Date(at.getTime() - 3_600_000);
const window = { from: at, to: new Date(at.getTime() + 12 * 3_600_000) };
const requests = { kind: "requests", hostLabels: ["n1", "n2"], api: "n1" } as const;
const calls = { kind: "invocations", functionUids: ["n1"], version: 1 } as const;
const question = { ...window, apart: ["api"], only: [{ api: "n1" }], limit: 9 };

const STATEMENTS: [string, (sql: Queryable) => Promise<unknown>, RegExp][] = [
  ["a window", (tx) => usageOf(tx, requests, window), /request_usage_minutes_pkey/],
  ["a window of a version", (tx) => usageOf(tx, calls, window), /invocation_usage_minutes_pkey/],
  [
    "steps of hours",
    (tx) => readUsage(tx, requests, { ...question, level: "hours", stepMs: 3_600_000 }),
    /request_usage_hours_pkey/,
  ],
  ["the busiest of days", (tx) => readUsage(tx, requests, { ...question, level: "days" }), /request_usage_days_pkey/],
  ["groups", (tx) => labelsOf(tx, "shop", "g"), /api_groups_id/],
  ["functions", (tx) => functionUidsOf(tx, "shop", "f"), /functions_id/],
  [
    "what is over its time",
    (tx) => dropUsage(tx, "requests", "hours", { before: at, limit: 9 }),
    /request_usage_hours_by_age/,
  ],
  ["an hour's rows", (tx) => sumAgain(tx as Transaction, "requests", "hours", before), /request_usage_hours_by_age/],
  ["changes", (tx) => listChanges(tx, "requests", "hours"), /usage_changes_pkey/],
  ["a change", (tx) => takeChange(tx as Transaction, "requests", "hours", at), /usage_changes_pkey/],
  ["old changes", (tx) => forgetChanges(tx, "requests", "hours", at), /usage_changes_pkey/],
];

for (const [name, ask, index] of STATEMENTS) {
  test(`${name}: found by an index`, async () => {
    const plan = await planOf(sql, ask);
    assert.match(plan, index);
    assert.doesNotMatch(plan, /Seq Scan on/, plan);
  });
}

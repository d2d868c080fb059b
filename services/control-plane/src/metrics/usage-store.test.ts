import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inTransaction } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import fc from "fast-check";
import { LIMITS } from "../limits.ts";
import { UsageRollUp } from "./roll-up.ts";
import { beginningOf, DURATION_COLUMNS, LEVEL_MS, type Level, USAGE, type UsageKind } from "./usage.ts";
import { dropOldUsage } from "./usage-retention.ts";
import { listChanges, type MinuteRow, putMinutes, readUsage, usageOf } from "./usage-store.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });
const warnings: unknown[] = [];
const rollUp = new UsageRollUp({ sql, log: { info() {}, warn: (fields) => warnings.push(fields) } });
const put = (rows: readonly MinuteRow[], kind: UsageKind = "requests") =>
  inTransaction(sql, (tx) => putMinutes(tx, kind, rows));
const EMPTY = (kind: UsageKind) =>
  Object.fromEntries([...USAGE[kind].sums, ...USAGE[kind].peaks, ...DURATION_COLUMNS].map((column) => [column, 0]));

const DAY = new Date("2026-11-20T00:00:00Z");
const minute = (n: number) => new Date(DAY.getTime() + n * 60_000);
const row = (fields: Partial<MinuteRow>): MinuteRow =>
  ({
    ...EMPTY("requests"),
    host_label: "shop",
    api: "pets",
    key_id: "",
    at: minute(0),
    gateway: "gateway-1",
    epoch: 1,
    number: 1,
    ...fields,
  }) as MinuteRow;
const whole = { from: minute(-10_000), to: minute(10_000) };
const countOf = async (label: string) => (await usageOf(sql, { kind: "requests", hostLabels: [label] }, whole)).count;

test("the last word of a minute counts, however often and in whatever order its words come", async () => {
  const words = [1, 2, 3].map((number) => row({ host_label: "words", number, count: number * 10 }));
  await put([words[1]!]);
  await put([words[0]!, words[2]!, words[1]!]);
  await put([words[0]!]);
  await put([words[2]!]);
  assert.equal(await countOf("words"), 30);
});

test("gateways, and the processes of one gateway, are summed within a minute", async () => {
  await put([
    row({ host_label: "many", count: 1, within_1: 1 }),
    row({ host_label: "many", count: 2, gateway: "gateway-2", within_1: 2 }),
    row({ host_label: "many", count: 4, epoch: 2, beyond: 4 }),
  ]);
  const usage = await usageOf(sql, { kind: "requests", hostLabels: ["many"] }, whole);
  assert.deepEqual([usage.count, usage.durations[0], usage.durations.at(-1)], [7, 3, 4]);
});

test("a target is one API, one key or one version, and of nothing there are zeros", async () => {
  await put([
    row({ host_label: "parts", count: 1 }),
    row({ host_label: "parts", count: 2, key_id: "AK00000001" }),
    row({ host_label: "parts", count: 4, api: "carts" }),
  ]);
  const version = { ...EMPTY("invocations"), function_uid: "fn", at: minute(0), runner: "r", epoch: 1, number: 1 };
  await put(
    [1, 2].map((number) => ({ ...version, version: number, count: number, memory_kib_max: number * 100 })),
    "invocations",
  );
  const requests = { kind: "requests", hostLabels: ["parts"] } as const;
  assert.equal((await usageOf(sql, { ...requests, api: "pets" }, whole)).count, 3);
  assert.equal((await usageOf(sql, { ...requests, keyId: "AK00000001" }, whole)).count, 2);
  assert.equal((await usageOf(sql, { ...requests, hostLabels: ["none"] }, whole)).count, 0);
  assert.equal((await usageOf(sql, requests, { from: minute(1), to: minute(9) })).count, 0);
  const calls = { kind: "invocations", functionUids: ["fn"] } as const;
  assert.equal((await usageOf(sql, { ...calls, version: 2 }, whole)).count, 2);
  const { count, memoryKibMax } = await usageOf(sql, calls, whole);
  assert.deepEqual([count, memoryKibMax], [3, 200]);
  const question = { ...whole, level: "minutes", apart: ["version"], limit: 9 } as const;
  const apart = await readUsage(sql, calls, question);
  assert.deepEqual(
    apart.map(({ names, totals }) => [names.version, totals.count]),
    [
      [2, 2],
      [1, 1],
    ],
  );
});

test("more rows than one statement takes are stored all the same", async () => {
  const many = LIMITS.usageRowsStoredAtOnce + 1;
  await put(Array.from({ length: many }, (_, n) => row({ host_label: "lots", key_id: `k${n}`, count: 1 })));
  assert.equal(await countOf("lots"), many);
});

test("of many series only those that are wanted are read", async () => {
  const label = { host_label: "wanted" };
  await put(["a", "b", "c"].map((api, n) => row({ ...label, api, count: n + 1 })));
  const question = { ...whole, level: "minutes", stepMs: 60_000, apart: ["host_label", "api"], limit: 9 } as const;
  const only = ["a", "c"].map((api) => ({ ...label, api }));
  const rows = await readUsage(sql, { kind: "requests", hostLabels: ["wanted"] }, { ...question, only });
  assert.deepEqual(
    rows.map(({ at, names, totals }) => [at?.getTime(), names.api, totals.count]),
    [
      [DAY.getTime(), "a", 1],
      [DAY.getTime(), "c", 3],
    ],
  );
});

test("hours and days are the sums of their minutes, whatever comes late, twice or after they were summed", async () => {
  const told = fc.record(
    {
      at: fc.integer({ min: 0, max: 3 * 1_440 - 1 }).map(minute),
      api: fc.constantFrom("a", "b"),
      gateway: fc.constantFrom("g1", "g2"),
      epoch: fc.integer({ min: 1, max: 2 }),
      number: fc.integer({ min: 1, max: 3 }),
    },
    { noNullPrototype: true },
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(told, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), async (batches) => {
      const label = `property${run++}`;
      // A later word never says less.
      const rows = batches.map((batch) =>
        batch.map((one) => row({ ...one, host_label: label, count: one.number * 7, within_5: one.number * 7 })),
      );
      const last = new Map<string, MinuteRow>();
      for (const one of rows.flat()) {
        const name = JSON.stringify([one.at, one.api, one.gateway, one.epoch]);
        if ((last.get(name)?.number ?? 0) < one.number) last.set(name, one);
      }
      for (const batch of rows) {
        await put(batch);
        await rollUp.turn();
      }
      for (const level of ["minutes", "hours", "days"] as Level[]) {
        const naive = new Map<string, number>();
        for (const { at, api, count } of last.values()) {
          const name = `${beginningOf(level, at).toISOString()} ${api}`;
          naive.set(name, (naive.get(name) ?? 0) + Number(count));
        }
        const asked = { ...whole, level, stepMs: LEVEL_MS[level], apart: ["api"], limit: 1_000 };
        const summed = await readUsage(sql, { kind: "requests", hostLabels: [label] }, asked);
        const found = summed.map(({ at, names, totals }) => [`${at!.toISOString()} ${names.api}`, totals.count]);
        assert.deepEqual(found, [...naive].toSorted(), `${level} of ${label}`);
        for (const { totals } of summed) assert.equal(totals.durations[3], totals.count);
      }
    }),
    { numRuns: 15 },
  );
});

test("an hour that cannot be summed keeps no other waiting, and goes with its minutes", async () => {
  const early = new Date("2026-11-10T05:00:00Z");
  const bad = { host_label: "broken", at: early, count: "9000000000000000000" };
  await put([row(bad), row({ ...bad, gateway: "gateway-2" }), row({ host_label: "sound", count: 3 })]);
  warnings.length = 0;
  await rollUp.turn();
  assert.equal(warnings.length, 1);
  const sums = async (label: string, level: Level) =>
    (await readUsage(sql, { kind: "requests", hostLabels: [label] }, { ...whole, level, apart: [], limit: 1 }))[0]
      ?.totals.count;
  assert.deepEqual([await sums("sound", "hours"), await sums("sound", "days")], [3, 3]);
  assert.deepEqual(await listChanges(sql, "requests", "hours"), [early]);
  await dropOldUsage(sql, new Date(early.getTime() + (LIMITS.usageMinutesKeptDays * 24 + 1) * 3_600_000));
  assert.deepEqual(await listChanges(sql, "requests", "hours"), []);
});

test("what changes while it is summed is the next turn's", { timeout: 10_000 }, async () => {
  await sql.unsafe(`
    create function change_again() returns trigger language plpgsql as $$
    begin
      insert into usage_changes (kind, level, at) select distinct 'requests', 'hours', at from summed;
      return null;
    end $$;
    create trigger changed after insert on request_usage_hours
    referencing new table as summed for each statement execute function change_again()`);
  await put([row({ host_label: "busy", count: 3 })]);
  await rollUp.turn();
  assert.deepEqual(await listChanges(sql, "requests", "hours"), [DAY]);
  assert.deepEqual(await listChanges(sql, "requests", "days"), []);
  await sql`drop trigger changed on request_usage_hours`;
  await rollUp.turn();
  assert.deepEqual(await listChanges(sql, "requests", "hours"), []);
});

test("each level is removed when it is over its time, and the level above keeps what it was summed from", async () => {
  const old = new Date("2026-03-10T10:30:00Z");
  await put([row({ host_label: "kept", at: old, count: 5 })]);
  const levels = async () => {
    const found: Level[] = [];
    for (const level of ["minutes", "hours", "days"] as const) {
      const asked = { from: new Date(0), to: minute(0), level, apart: [], limit: 1 };
      const [sum] = await readUsage(sql, { kind: "requests", hostLabels: ["kept"] }, asked);
      if (sum?.totals.count === 5) found.push(level);
    }
    return found;
  };
  const later = async (days: number, minutes = 0) => {
    await rollUp.turn();
    await dropOldUsage(sql, new Date(beginningOf("days", old).getTime() + days * 86_400_000 + minutes * 60_000));
  };
  await later(LIMITS.usageMinutesKeptDays, 11 * 60 - 1);
  assert.deepEqual(await levels(), ["minutes", "hours", "days"]);
  await later(LIMITS.usageMinutesKeptDays, 11 * 60);
  assert.deepEqual(await levels(), ["hours", "days"]);
  await later(LIMITS.usageHoursKeptDays + 1, -1);
  assert.deepEqual(await levels(), ["hours", "days"]);
  await later(LIMITS.usageHoursKeptDays + 1);
  assert.deepEqual(await levels(), ["days"]);
  await later(LIMITS.usageDaysKeptDays + 1, -1);
  assert.deepEqual(await levels(), ["days"]);
  await later(LIMITS.usageDaysKeptDays + 1);
  assert.deepEqual(await levels(), []);
});

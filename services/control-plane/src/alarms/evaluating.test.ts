import assert from "node:assert/strict";
import { after, test } from "node:test";
import { testDatabase, until } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { alarmSetting, MINUTE_MS, ONCE } from "../testing/alarm-setting.ts";
import { insertProject, putMinute, ruleOf } from "../testing/alarms.ts";
import { startReceiver } from "../testing/webhook-receiver.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });

test("an alarm that cannot be evaluated keeps no other from its turn, and is tried the next minute", async (t) => {
  const receiver = await startReceiver(t);
  const { project, create, next, warnings } = await alarmSetting(sql);
  await create(receiver.url, {}, "broken");
  await create(receiver.url);
  await sql`update alarms set metric = 'nonsense', created_at = 'epoch' where id = 'broken' and project = ${project}`;
  await next(10);
  await next(0);
  assert.deepEqual(
    receiver.received.map(({ body }) => body.to),
    ["alarm", "ok"],
  );
  const warned = warnings.filter((text) => text.startsWith("an alarm could not be evaluated")).length;
  assert.ok(warned >= 2, "once a minute at least, and by every process at most");
  assert.ok(warned <= 8, `${warned} times`);
});

test("a project whose windows take long to sum keeps nobody waiting but itself", async () => {
  const { project, create, service, clock, processes } = await alarmSetting(sql);
  const other = `${project}q`;
  await insertProject(sql, other);
  const invocations = {
    metric: "invocations",
    deployment: undefined,
    function: { project, function: "pets" },
  } as const;
  for (const id of ["a", "b", "c", "d", "e"]) await create("", invocations, id);
  clock.now = new Date(clock.now.getTime() + 1);
  await service.create(other, "errors", { description: "", webhookUrl: "", rule: ruleOf(other) }, ONCE);
  const [{ evaluator }] = processes;
  await sql.begin(async (tx) => {
    await tx`lock table invocation_usage_minutes in access exclusive mode`;
    await until(async () => {
      await evaluator.round();
      return (await service.get(other, "errors")).evaluatedTo;
    });
    assert.equal((await service.get(project, "a")).evaluatedTo, undefined);
  });
  await evaluator.settled();
  for (const id of ["a", "b", "c", "d", "e"]) assert.ok((await service.get(project, id)).evaluatedTo, id);
});

test("of a project one alarm is evaluated at a time, whichever processes look for it at once", async () => {
  const { project, create, service, clock, processes } = await alarmSetting(sql);
  const other = `${project}q`;
  await insertProject(sql, other);
  const invocations = {
    metric: "invocations",
    deployment: undefined,
    function: { project, function: "pets" },
  } as const;
  for (const id of ["a", "b", "c", "d", "e"]) await create("", invocations, id);
  clock.now = new Date(clock.now.getTime() + 1);
  await service.create(other, "errors", { description: "", webhookUrl: "", rule: ruleOf(other) }, ONCE);
  await sql.begin(async (tx) => {
    await tx`lock table invocation_usage_minutes in access exclusive mode`;
    for (const { evaluator } of processes) for (let i = 0; i < 3; i++) void evaluator.round();
    await until(async () => (await service.get(other, "errors")).evaluatedTo);
    const free = await tx`select id from alarms where project = ${project} for update skip locked`;
    assert.equal(free.length, 4);
  });
  await Promise.all(processes.map(({ evaluator }) => evaluator.settled()));
  for (const id of ["a", "b", "c", "d", "e"]) assert.ok((await service.get(project, id)).evaluatedTo, id);
});

test("evaluations are overdue until none is due", async () => {
  const { project, create, clock, processes } = await alarmSetting(sql);
  // Due a minute before the one that waits for its table.
  await create("");
  clock.now = new Date(clock.now.getTime() + MINUTE_MS);
  await create("", { metric: "invocations", deployment: undefined, function: { project, function: "pets" } }, "calls");
  clock.now = new Date(clock.now.getTime() + 10 * MINUTE_MS);
  const [{ evaluator }] = processes;
  await sql.begin(async (tx) => {
    await tx`lock table invocation_usage_minutes in access exclusive mode`;
    await until(async () => {
      await evaluator.round();
      return evaluator.overdueMs > 5 * MINUTE_MS;
    });
    // Another look finds the one project in work, and none besides.
    await evaluator.round();
    assert.ok(evaluator.overdueMs > 5 * MINUTE_MS);
  });
  await evaluator.settled();
  assert.equal(evaluator.overdueMs, 0);
});

test("a window is its minutes and no other, of its API, its environment or its function", async () => {
  const { project, clock, create, service, round } = await alarmSetting(sql);
  const functionOf = { project, function: "pets" };
  const requests = { metric: "requests", comparison: "at_least", threshold: 0 } as const;
  await create("", { ...requests, windowMinutes: 3 }, "three");
  await create("", { ...requests, windowMinutes: 3, api: "get" }, "api");
  const test = { project, group: "store", environment: "test" };
  await create("", { ...requests, windowMinutes: 3, deployment: test }, "test");
  const invocations = { ...requests, metric: "invocations", deployment: undefined, function: functionOf } as const;
  await create("", { ...invocations, windowMinutes: 3 }, "function");
  const end = new Date(Math.floor((clock.now.getTime() - LIMITS.alarm.latenessMs) / MINUTE_MS) * MINUTE_MS);
  for (const [minute, count] of [
    [-4, 1],
    [-3, 2],
    [-2, 4],
    [-1, 8],
    [0, 16],
  ] as const) {
    const at = new Date(end.getTime() + minute * MINUTE_MS);
    await putMinute(sql, { hostLabel: project, api: "get" }, at, { count });
    await putMinute(sql, { hostLabel: project, api: "put" }, at, { count: count * 100 });
    await putMinute(sql, { hostLabel: `${project}-test` }, at, { count: count * 1_000 });
    await putMinute(sql, { functionUid: `fn-${project}` }, at, { count: count * 10_000 });
  }
  await round();
  const value = async (id: string) => (await service.get(project, id)).value;
  assert.deepEqual(await Promise.all(["three", "api", "test", "function"].map(value)), [1_414, 14, 14_000, 140_000]);
  clock.now = new Date(end.getTime() + MINUTE_MS + LIMITS.alarm.latenessMs - 1);
  await round();
  assert.equal(await value("api"), 14, "a minute that is not complete is not looked at");
  clock.now = new Date(clock.now.getTime() + 1);
  await round();
  assert.equal(await value("api"), 28);
});

test("without data the state stays, or is one of its own that is told", async (t) => {
  const receiver = await startReceiver(t);
  const { create, next } = await alarmSetting(sql);
  await create(receiver.url, { missingData: "no_data", minCalls: 10 });
  await create(receiver.url, {}, "kept");
  await next(10);
  await next(undefined);
  await next(0);
  const told = receiver.received.map(({ body }) => [String(body.alarm).split("/").at(-1), body.to, body.value]);
  assert.deepEqual(told.toSorted(), [
    ["errors", "alarm", 1],
    ["errors", "no_data", null],
    ["errors", "ok", 0],
    ["kept", "alarm", 1],
    ["kept", "ok", 0],
  ]);
});

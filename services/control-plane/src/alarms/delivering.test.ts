import assert from "node:assert/strict";
import { after, test } from "node:test";
import { testDatabase, until } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import { alarmSetting, MINUTE_MS, ONCE } from "../testing/alarm-setting.ts";
import { insertProject, putMinute, ruleOf } from "../testing/alarms.ts";
import { startReceiver } from "../testing/webhook-receiver.ts";

const MIGRATIONS = new URL("../../migrations", import.meta.url).pathname;
const { sql } = await testDatabase({ after }, { schema: "control_plane", migrations: MIGRATIONS });

test("each change of state is told once, though two processes evaluate and deliver at the same time", async (t) => {
  const { received, url } = await startReceiver(t);
  const { project, create, next, events, clock, processes } = await alarmSetting(sql);
  await create(url);
  for (const failed of [5, 6, 7, 5, 0]) await next(failed);
  const counted = (of: (process: (typeof processes)[0]) => number) => processes.map(of).reduce((sum, n) => sum + n);
  assert.equal(
    counted(({ evaluator }) => evaluator.counts.evaluated),
    5,
  );
  assert.equal(
    counted(({ deliverer }) => deliverer.counts.delivered),
    2,
  );
  assert.deepEqual(
    received.map(({ body }) => [body.from, body.to, body.number]),
    [
      ["ok", "alarm", 1],
      ["alarm", "ok", 2],
    ],
  );
  const [{ body, headers }] = received as [(typeof received)[0]];
  const at = new Date(clock.now.getTime() - 3 * MINUTE_MS);
  const windowEnd = new Date(at.getTime() - LIMITS.alarm.latenessMs);
  const { deliveryId } = body;
  assert.match(deliveryId, /^dl-[a-z0-9]{20}$/);
  assert.equal(headers["millrace-delivery"], deliveryId);
  assert.deepEqual(body, {
    schemaVersion: 1,
    type: "alarm.changed",
    deliveryId,
    alarm: `projects/${project}/alarms/errors`,
    description: "",
    number: 1,
    from: "ok",
    to: "alarm",
    at: at.toISOString(),
    value: 0.6,
    calls: 10,
    window: { from: new Date(windowEnd.getTime() - MINUTE_MS).toISOString(), to: windowEnd.toISOString(), minutes: 1 },
    rule: {
      metric: "error_rate",
      comparison: "above",
      threshold: 0.5,
      minCalls: 0,
      alarmAfter: 1,
      okAfter: 1,
      missingData: "keep",
    },
    deployment: `projects/${project}/groups/store/deployments/online`,
    links: { deployment: `http://${project}.local-1.localhost:8080` },
  });
  const told = (await events()).map(({ number, delivery }) => [
    number,
    delivery?.state,
    delivery?.attempts,
    delivery?.status,
  ]);
  assert.deepEqual(told, [
    [2, "delivered", 1, 204],
    [1, "delivered", 1, 204],
  ]);
});

test("a receiver that is down is tried again, ever more seldom and with the same body, until it is up", async (t) => {
  const receiver = await startReceiver(t);
  const { clock, create, next, round, events } = await alarmSetting(sql);
  await create(receiver.url);
  receiver.answer = (response) => void response.writeHead(503).end("not now");
  await next(10);
  const waits: number[] = [];
  for (let attempt = 2; attempt <= 4; attempt++) {
    const [event] = await events();
    const { status, error, nextAttemptAt } = event!.delivery!;
    assert.deepEqual([status, error], [503, "status"]);
    waits.push(nextAttemptAt!.getTime() - clock.now.getTime());
    clock.now = new Date(nextAttemptAt!.getTime() - 1);
    await round();
    assert.equal(receiver.received.length, attempt - 1, "not before its time");
    clock.now = nextAttemptAt!;
    if (attempt === 4) receiver.answer = (response) => void response.writeHead(200).end("yes");
    await round();
  }
  assert.deepEqual(waits, [3_750, 7_500, 15_000]);
  assert.equal(receiver.received.length, 4);
  assert.equal(new Set(receiver.received.map(({ text }) => text)).size, 1);
  assert.equal(new Set(receiver.received.map(({ headers }) => headers["millrace-delivery"])).size, 1);
  const [event] = await events();
  assert.deepEqual([event?.delivery?.state, event?.delivery?.attempts, event?.delivery?.error], ["delivered", 4, ""]);
});

test("a receiver that nobody reaches is given up after so many attempts, or so long", async () => {
  const { clock, create, next, round, events } = await alarmSetting(sql);
  await create("http://127.0.0.1:1/");
  await next(10);
  await until(
    async () => {
      const [event] = await events();
      if (event?.delivery?.state === "failed") return true;
      clock.now = event!.delivery!.nextAttemptAt!;
      await round();
      return false;
    },
    { timeoutMs: 10_000 },
  );
  const [event] = await events();
  assert.deepEqual(
    [event?.delivery?.attempts, event?.delivery?.error],
    [LIMITS.alarm.attemptsMax, "connection_failed"],
  );
  const old = await alarmSetting(sql);
  await old.create("http://127.0.0.1:1/");
  await old.next(10);
  old.clock.now = new Date(old.clock.now.getTime() + LIMITS.alarm.deliveryAgeMaxMs + 1);
  await old.processes[0].deliverer.round();
  await old.processes[0].deliverer.settled();
  assert.equal((await old.events())[0]?.delivery?.error, "expired");
  assert.equal(old.processes[0].deliverer.counts.failed, 1);
});

test("an attempt that its process did not live to tell of is made again, and the one who is late changes nothing", async (t) => {
  const receiver = await startReceiver(t);
  const { clock, create, next, processes, events } = await alarmSetting(sql);
  await create(receiver.url);
  const held: (() => void)[] = [];
  receiver.answer = (response) => void held.push(() => response.writeHead(500).end());
  const first = next(10);
  await until(() => held.length === 1);
  clock.now = new Date(clock.now.getTime() + LIMITS.alarm.attemptLostMs);
  receiver.answer = (response) => void response.writeHead(200).end();
  await processes[1].deliverer.round();
  await until(async () => (await events())[0]?.delivery?.state === "delivered");
  held[0]!();
  await first;
  const [event] = await events();
  assert.deepEqual([event?.delivery?.state, event?.delivery?.attempts, event?.delivery?.status], ["delivered", 2, 200]);
  assert.equal(receiver.received[0]?.body.deliveryId, receiver.received[1]?.body.deliveryId);
});

test("a slow receiver is given up in time, and keeps nobody waiting but its own project", async (t) => {
  const slow = await startReceiver(t);
  const quick = await startReceiver(t);
  slow.answer = () => {};
  const { clock, project, create, processes, evaluate, round, events, service } = await alarmSetting(sql, {
    timeoutMs: 400,
  });
  for (const id of ["a", "b", "c", "d"]) await create(slow.url, {}, id);
  const other = `${project}q`;
  await insertProject(sql, other);
  await service.create(other, "errors", { description: "", webhookUrl: quick.url, rule: ruleOf(other) }, ONCE);
  clock.now = new Date(clock.now.getTime() + MINUTE_MS);
  const at = new Date(clock.now.getTime() - LIMITS.alarm.latenessMs - MINUTE_MS);
  for (const hostLabel of [project, other]) await putMinute(sql, { hostLabel }, at, { count: 10, status_5xx: 10 });
  const [{ deliverer }] = processes;
  await evaluate();
  await deliverer.round();
  await until(() => quick.received.length === 1);
  assert.ok(slow.received.length <= LIMITS.alarm.deliveries.ofOneMax);
  await deliverer.settled();
  for (let i = 0; i < 2; i++) await round();
  const errors = await Promise.all(["a", "b", "c", "d"].map(async (id) => (await events(id))[0]?.delivery?.error));
  assert.deepEqual(errors, Array(4).fill("timeout"));
});

test("a receiver whose answer never ends has got it all the same", async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x".repeat(100_000)), 1);
    response.once("close", () => clearInterval(timer));
  };
  const { create, next, events } = await alarmSetting(sql);
  await create(receiver.url);
  await next(10);
  assert.equal((await events())[0]?.delivery?.state, "delivered");
});

test("a receiver that says it is gone is not asked again until its URL is set anew", async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = (response) => void response.writeHead(410).end();
  const { project, create, next, events, service } = await alarmSetting(sql);
  await create(receiver.url);
  await next(10);
  await next(0);
  assert.equal(receiver.received.length, 1);
  assert.ok((await service.get(project, "errors")).webhookGoneAt);
  assert.deepEqual(
    (await events()).map(({ delivery }) => delivery?.error),
    [undefined, "gone"],
  );
  receiver.answer = (response) => void response.writeHead(200).end();
  const draft = { description: undefined, rule: undefined, webhookUrl: receiver.url };
  await service.update(project, "errors", draft, "");
  await next(10);
  assert.equal(receiver.received.at(-1)?.body.number, 3);
});

test("redirects are not followed", async (t) => {
  const target = await startReceiver(t);
  const receiver = await startReceiver(t);
  receiver.answer = (response) => void response.writeHead(307, { location: target.url }).end();
  const { create, next, events } = await alarmSetting(sql);
  await create(receiver.url);
  await next(10);
  const [event] = await events();
  assert.deepEqual([event?.delivery?.status, event?.delivery?.error], [307, "redirected"]);
  assert.equal(target.received.length, 0);
});

test("nothing is sent to addresses inside, however they are written or named", async (t) => {
  const { received, port } = await startReceiver(t);
  const inside = [
    "127.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "a.localhost",
    "0.0.0.0",
    "2130706433",
    "0x7f.1",
  ];
  const names = { "private.example": ["10.0.0.1"], "mixed.example": ["169.254.169.254", "127.0.0.1", "fd00::1"] };
  const hosts = [...inside, "169.254.169.254", "10.1.2.3", "[fd00::1]", ...Object.keys(names)];
  const { project, service, create } = await alarmSetting(sql, { webhookAllow: [], names });
  await create("https://nobody.invalid/");
  for (const host of hosts) {
    const webhookUrl = `http://${host}:${port}/`;
    await service.update(project, "errors", { description: undefined, rule: undefined, webhookUrl }, "");
    const { error, status } = await service.test(project, "errors");
    assert.deepEqual([error, status], ["address_refused", 0], host);
  }
  assert.equal(received.length, 0);
});

test("what failed says why in one of few words, and nothing of what answered", async (t) => {
  const receiver = await startReceiver(t);
  const { project, service, create } = await alarmSetting(sql);
  await create("http://nobody.example/");
  const tried = async (webhookUrl: string) => {
    await service.update(project, "errors", { description: undefined, rule: undefined, webhookUrl }, "");
    return (await service.test(project, "errors")).error;
  };
  assert.equal(await tried("http://nobody.example/"), "name_not_found");
  assert.equal(await tried("http://127.0.0.1:1/"), "connection_failed");
  assert.equal(await tried(receiver.url.replace("http:", "https:")), "tls_failed");
  receiver.answer = (response) => void response.socket?.end("SSH-2.0-dropbear\r\n");
  assert.equal(await tried(receiver.url), "answer_invalid");
  receiver.answer = (response) => void response.writeHead(200, { "x-large": "x".repeat(20_000) }).end();
  assert.equal(await tried(receiver.url), "answer_invalid");
  receiver.answer = (response) => void response.socket?.destroy();
  assert.equal(await tried(receiver.url), "connection_failed");
});

test("of an alarm that flaps the newest changes wait to be told, and no more than a bound", async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = (response) => void response.writeHead(500).end();
  const { create, pass, round, events } = await alarmSetting(sql);
  await create(receiver.url);
  const count = LIMITS.alarm.deliveriesPendingMax + 5;
  for (let i = 0; i < count; i++) await pass(i % 2 === 0 ? 10 : 0);
  const all = await events();
  assert.equal(all.length, count);
  const pending = all.filter(({ delivery }) => delivery?.state === "pending");
  assert.equal(pending.length, LIMITS.alarm.deliveriesPendingMax);
  assert.equal(pending[0]?.number, count);
  assert.equal(all.at(-1)?.delivery?.error, "superseded");
  await round();
  assert.ok(receiver.received.length > 0);
});

test("an alarm that is deleted, or loses its webhook, tells no more", async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = (response) => void response.writeHead(500).end();
  const { project, clock, create, next, round, service, events } = await alarmSetting(sql);
  await create(receiver.url);
  await create(receiver.url, {}, "deleted");
  await next(10);
  assert.equal(receiver.received.length, 2);
  await service.delete(project, "deleted", "");
  await service.update(project, "errors", { description: undefined, rule: undefined, webhookUrl: "" }, "");
  clock.now = new Date(clock.now.getTime() + 3_600_000);
  await round();
  assert.equal(receiver.received.length, 2);
  assert.deepEqual(
    (await events()).map(({ delivery }) => delivery?.error),
    ["no_webhook"],
  );
});

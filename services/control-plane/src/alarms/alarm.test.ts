import assert from "node:assert/strict";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { after, test } from "node:test";
import { type AlarmRule, AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { until } from "@millrace/testing";
import { createFunction, createGroup, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { startReceiver } from "../testing/webhook-receiver.ts";
import { forgetAlarmEvents } from "./alarm-event-store.ts";

const { client, clock, database, app } = await startControlPlane({ after }, { webhookAllow: ["127.0.0.1"] });
const { sql } = database;
const { createAlarm, getAlarm, listAlarms, updateAlarm, deleteAlarm } = AlarmServiceService;
const { listAlarmEvents, testAlarm, rotateAlarmSecret } = AlarmServiceService;

const SHOP = "projects/shop";
const ONLINE = `${SHOP}/groups/store/deployments/online`;
const PETS = `${SHOP}/functions/pets`;
await createProject(client, "shop");
await createProject(client, "other");
await createGroup(client, "shop", "store");
await createFunction(client, "shop", "pets");

const RULE: AlarmRule = {
  deployment: ONLINE,
  api: "",
  function: "",
  metric: "error_rate",
  comparison: 1,
  threshold: 0.1,
  windowMinutes: 0,
  minCalls: 0,
  alarmAfter: 0,
  okAfter: 0,
  missingData: 0,
};

const create = (alarmId: string, rule: Partial<AlarmRule> = {}, webhookUrl = "", requestId = "", parent = SHOP) =>
  client.call(createAlarm, { parent, alarmId, description: "", rule: { ...RULE, ...rule }, webhookUrl, requestId });
const get = (id: string) => client.call(getAlarm, { name: `${SHOP}/alarms/${id}` });
const change = { description: undefined, rule: undefined, webhookUrl: undefined, etag: "" };

test("an alarm is made with its defaults and a secret that is shown once", async () => {
  const requestId = randomUUID();
  const { alarm, secret } = await create("errors", {}, "https://example.com/hook", requestId);
  assert.match(secret, /^mrw_[\w-]{43}$/);
  const rule = { ...RULE, windowMinutes: 5, alarmAfter: 1, okAfter: 1, missingData: 1 };
  assert.deepEqual([alarm?.rule, alarm?.state, alarm?.etag], [rule, 1, '"1"']);
  assert.deepEqual(await get("errors"), alarm);
  const again = await create("errors", {}, "https://example.com/hook", requestId);
  assert.deepEqual(again, { alarm, secret: "" });
  await refused(create("errors"), "already_exists", "alarm_exists");
  const tables = await sql<{ row: string }[]>`
    select a::text as row from alarms a union all select e::text from audit_events e union all
    select i::text from idempotent_requests i`;
  const kept = tables.map(({ row }) => row).join("\n");
  assert.ok(kept.includes("errors"));
  for (const form of [secret, Buffer.from(secret).toString("hex"), Buffer.from(secret).toString("base64")]) {
    assert.ok(!kept.includes(form));
  }
});

test("every field at fault is named", async () => {
  const faults: Partial<AlarmRule> = {
    api: "1x",
    metric: "nonsense",
    comparison: 9 as never,
    threshold: -1,
    windowMinutes: 61,
    minCalls: -1,
    alarmAfter: 61,
    okAfter: -1,
  };
  const names = ["api", "metric", "comparison", "threshold", "window_minutes", "min_calls", "alarm_after", "ok_after"];
  const fields = names.map((name) => `rule.${name}`);
  await refusedFields(create("bad", faults, "ftp://x"), [...fields, "webhook_url"]);
  await refusedFields(create("bad", { deployment: "" }), ["rule.deployment"]);
  await refusedFields(create("bad", { function: PETS, metric: "invocations" }), ["rule.deployment"]);
  await refusedFields(create("bad", { deployment: "", function: PETS }), ["rule.metric"]);
  await refusedFields(create("bad", { deployment: "", function: PETS, api: "a", metric: "invocations" }), ["rule.api"]);
  await refusedFields(create("bad", { metric: "invocations" }), ["rule.metric"]);
  await refusedFields(create("bad", { metric: "__proto__" }), ["rule.metric"]);
  await refusedFields(create("bad", { metric: "requests", minCalls: 1 }), ["rule.min_calls"]);
  await refusedFields(create("bad", { threshold: 1.01 }), ["rule.threshold"]);
  await refusedFields(create("bad", { threshold: Number.NaN }), ["rule.threshold"]);
  await refusedFields(create("bad", { threshold: Number.POSITIVE_INFINITY, metric: "requests" }), ["rule.threshold"]);
  await refusedFields(create("bad", { deployment: `${SHOP}/groups/store` }), ["rule.deployment"]);
  await refusedFields(create("1x"), ["alarm_id"]);
  const urls = [
    "x",
    "http://",
    "http://u@h/",
    "http://u:p@h/",
    "http://h/#f",
    "http://h/\0",
    `http://h/${"x".repeat(2_048)}`,
  ];
  for (const url of [...urls, "javascript:alert(1)", "file:///etc/passwd"]) {
    await refusedFields(create("bad", {}, url), ["webhook_url"]);
  }
  const nothing = { parent: SHOP, alarmId: "bad", description: "", rule: undefined, webhookUrl: "", requestId: "" };
  await refusedFields(client.call(createAlarm, nothing), ["rule"]);
});

test("an alarm is about its own project only, and only its project finds it", async () => {
  await refusedFields(create("foreign", {}, "", "", "projects/other"), ["rule.deployment"]);
  const foreign = { deployment: "", function: PETS, metric: "invocations" };
  await refusedFields(create("foreign", foreign, "", "", "projects/other"), ["rule.function"]);
  const missing = { deployment: `${SHOP}/groups/none/deployments/test` };
  await refused(create("missing", missing), "not_found", "group_not_found");
  const gone = { ...foreign, function: `${SHOP}/functions/none` };
  await refused(create("missing", gone), "not_found", "function_not_found");
  const name = "projects/other/alarms/errors";
  const notFound = (call: Promise<unknown>) => refused(call, "not_found", "alarm_not_found");
  await notFound(client.call(getAlarm, { name }));
  await notFound(client.call(updateAlarm, { ...change, name }));
  await notFound(client.call(deleteAlarm, { name, etag: "" }));
  await notFound(client.call(testAlarm, { name }));
  await notFound(client.call(rotateAlarmSecret, { name, overlapSeconds: undefined, etag: "" }));
  await notFound(client.call(listAlarmEvents, { parent: name, pageSize: 0, pageToken: "" }));
  const stranger = client.call(getAlarm, { name: `${SHOP}/alarms/errors` }, { token: "eve" });
  await refused(stranger, "not_found", "project_not_found");
});

test("a change replaces what is given, and none is made over another's", async () => {
  const before = (await create("changing", {}, "https://example.com/")).alarm!;
  const { name } = before;
  const rule = { ...RULE, deployment: "", function: PETS, metric: "duration_p95", threshold: 250, windowMinutes: 10 };
  const after = await client.call(updateAlarm, { ...change, name, rule, etag: before.etag });
  assert.deepEqual(after.rule, { ...rule, alarmAfter: 1, okAfter: 1, missingData: 1 });
  assert.equal(after.webhookUrl, "https://example.com/");
  await refused(client.call(updateAlarm, { ...change, name, etag: before.etag }), "aborted", "etag_mismatch");
  await refused(client.call(deleteAlarm, { name, etag: before.etag }), "aborted", "etag_mismatch");
  const rotate = client.call(rotateAlarmSecret, { name, overlapSeconds: undefined, etag: before.etag });
  await refused(rotate, "aborted", "etag_mismatch");
  assert.equal((await client.call(updateAlarm, { ...change, name, webhookUrl: "" })).webhookUrl, "");
  await refused(client.call(testAlarm, { name }), "failed_precondition", "alarm_has_no_webhook");
  await refusedFields(client.call(updateAlarm, { ...change, name, webhookUrl: "x", rule: { ...rule, api: "a" } }), [
    "rule.api",
    "webhook_url",
  ]);
});

test("an alarm goes with what it is about", async () => {
  await createGroup(client, "shop", "short");
  await createFunction(client, "shop", "brief");
  await create("ofgroup", { deployment: `${SHOP}/groups/short/deployments/test` });
  await create("offunction", { deployment: "", function: `${SHOP}/functions/brief`, metric: "timeouts" });
  await client.call(GroupServiceService.deleteGroup, { name: `${SHOP}/groups/short`, etag: "" });
  await client.call(FunctionServiceService.deleteFunction, { name: `${SHOP}/functions/brief`, etag: "" });
  for (const id of ["ofgroup", "offunction"]) await refused(get(id), "not_found", "alarm_not_found");
});

test("pages of alarms and of events go on where the last one ended", async () => {
  const pages = async <Row>(ask: (pageToken: string) => Promise<[Row[], string]>): Promise<Row[]> => {
    const seen: Row[] = [];
    let token = "";
    do {
      const [rows, next] = await ask(token);
      seen.push(...rows);
      token = next;
    } while (token !== "");
    return seen;
  };
  for (const id of ["p1", "p2", "p3"]) await create(id);
  const listed = await pages(async (pageToken) => {
    const page = await client.call(listAlarms, { parent: SHOP, pageSize: 2, pageToken });
    return [page.alarms, page.nextPageToken];
  });
  assert.deepEqual(
    listed.map(({ name }) => name.split("/").at(-1)),
    ["changing", "errors", "p1", "p2", "p3"],
  );
  await sql`
    insert into alarm_events (alarm_uid, number, project, at, from_state, to_state, calls, window_start, window_end, metric,
      comparison, threshold)
    select uid, n, 'shop', now(), 'ok', 'alarm', 1, now(), now(), 'requests', 'above', 1
    from alarms, generate_series(1, 5) n where id = 'p1'`;
  const parent = `${SHOP}/alarms/p1`;
  const events = await pages(async (pageToken) => {
    const page = await client.call(listAlarmEvents, { parent, pageSize: 2, pageToken });
    return [page.events, page.nextPageToken];
  });
  assert.deepEqual(
    events.map(({ number }) => number),
    [5, 4, 3, 2, 1],
  );
  const foreign = Buffer.from(JSON.stringify([`alarm events ${parent}`, "x"])).toString("base64url");
  await refusedFields(client.call(listAlarmEvents, { parent, pageSize: 0, pageToken: foreign }), ["page_token"]);
  const { now } = clock;
  const before = new Date(now.getTime() + 86_400_000);
  assert.equal(await forgetAlarmEvents(sql, { before, limit: 2 }), 2);
  assert.equal((await client.call(listAlarmEvents, { parent, pageSize: 9, pageToken: "" })).events.length, 3);
  clock.now = new Date(now.getTime() + 31 * 86_400_000);
  await app.forgetAlarmEvents();
  clock.now = now;
  assert.deepEqual((await client.call(listAlarmEvents, { parent, pageSize: 0, pageToken: "" })).events, []);
});

/** As the guide tells receivers to do it. */
function isSigned(secret: string, header: string, body: string): boolean {
  const t = /^t=(\d+)/.exec(header)?.[1] ?? "";
  const expected = createHmac("sha256", secret).update(`${t}.${body}`).digest();
  return header.matchAll(/v1=([0-9a-f]{64})/g).some(([, hex]) => timingSafeEqual(Buffer.from(hex!, "hex"), expected));
}

test("a test is signed, by both secrets while one is replaced", async (t) => {
  const { received, url } = await startReceiver(t);
  const { alarm, secret } = await create("signed", {}, url);
  const name = alarm!.name;
  const send = async () => {
    const answer = await client.call(testAlarm, { name });
    assert.deepEqual([answer.delivered, answer.status, answer.error], [true, 204, ""]);
    const { headers, text, body } = received.at(-1)!;
    assert.deepEqual([body.type, body.deliveryId, body.alarm], ["alarm.test", answer.deliveryId, name]);
    return { signature: String(headers["millrace-signature"]), text };
  };
  const by = ({ signature, text }: { signature: string; text: string }, ...secrets: string[]) =>
    secrets.map((one) => isSigned(one, signature, text));
  const first = await send();
  assert.match(first.signature, /^t=\d{10},v1=[0-9a-f]{64}$/);
  assert.deepEqual(by(first, secret, "mrw_another"), [true, false]);
  assert.deepEqual(by({ ...first, text: `${first.text} ` }, secret), [false]);
  const moved = first.signature.replace(/t=(\d+)/, (_, at) => `t=${Number(at) + 1}`);
  assert.deepEqual(by({ ...first, signature: moved }, secret), [false]);

  const rotate = (overlapSeconds?: number) => client.call(rotateAlarmSecret, { name, overlapSeconds, etag: "" });
  const second = await rotate(60);
  assert.deepEqual(by(await send(), secret, second.secret), [true, true]);
  const third = await rotate(60);
  assert.deepEqual(by(await send(), secret, second.secret, third.secret), [false, true, true]);
  clock.now = new Date(clock.now.getTime() + 60_000);
  assert.deepEqual(by(await send(), second.secret, third.secret), [false, true]);
  const last = await rotate(0);
  assert.deepEqual(by(await send(), third.secret, last.secret), [false, true]);
  await refusedFields(rotate(-1), ["overlap_seconds"]);
  await refusedFields(rotate(604_801), ["overlap_seconds"]);
});

test("a project has few deliveries under way at once", async (t) => {
  const receiver = await startReceiver(t);
  const held: (() => void)[] = [];
  receiver.answer = (response) => void held.push(() => response.writeHead(200).end());
  const name = (await create("held", {}, receiver.url)).alarm!.name;
  const sent = [1, 2].map(() => client.call(testAlarm, { name }));
  await until(() => held.length === 2);
  await refused(client.call(testAlarm, { name }), "resource_exhausted", "deliveries_busy");
  for (const release of held) release();
  for (const answer of await Promise.all(sent)) assert.equal(answer.delivered, true);
});

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { EventKind, FunctionTestServiceService } from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { LIMITS, QUOTAS } from "../limits.ts";
import { createFunction, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, database } = await startControlPlane({ after });
await createProject(client, "shop");
const { name: parent } = await createFunction(client, "shop", "pets");
const service = FunctionTestServiceService;
const KEEP = { kind: 0, body: undefined, etag: "" } as const;

const create = (testEventId: string, body = "{}", kind: EventKind = 0, requestId = "") =>
  client.call(service.createTestEvent, { parent, testEventId, kind, body, requestId });
const request = (value: unknown) => create("refused", JSON.stringify(value), EventKind.REQUEST);

test("each kind has a template, which is a test event as it stands", async () => {
  const { templates } = await client.call(service.listEventTemplates, {});
  assert.deepEqual(
    templates.map(({ kind }) => kind),
    [EventKind.JD, EventKind.AWS_1, EventKind.AWS_2, EventKind.REQUEST],
  );
  for (const { kind, body } of templates) assert.equal((await create(`t${kind}`, body, kind)).body, body);
});

test("an event is kept as it was typed, changed under its etag, and deleted", async () => {
  const requestId = randomUUID();
  const made = await create("one", '{ "key" :  1 }', 0, requestId);
  assert.deepEqual([made.name, made.kind, made.body], [`${parent}/testEvents/one`, EventKind.JD, '{ "key" :  1 }']);
  assert.deepEqual(await create("one", '{ "key" :  1 }', 0, requestId), made);
  await refused(create("one"), "already_exists", "test_event_exists");
  const changed = await client.call(service.updateTestEvent, { ...KEEP, name: made.name, kind: EventKind.AWS_2 });
  assert.deepEqual([changed.kind, changed.body], [EventKind.AWS_2, made.body]);
  const stale = { name: made.name, etag: made.etag };
  await refused(client.call(service.updateTestEvent, { ...KEEP, ...stale }), "aborted", "etag_mismatch");
  await refused(client.call(service.deleteTestEvent, stale), "aborted", "etag_mismatch");
  await client.call(service.deleteTestEvent, { name: made.name, etag: changed.etag });
  await refused(client.call(service.getTestEvent, { name: made.name }), "not_found", "test_event_not_found");
});

test("what is no JSON, too large, or no request is refused by field", async () => {
  await refusedFields(create("refused", "{"), ["body"]);
  await refusedFields(create("refused", ""), ["body"]);
  await refusedFields(create("refused", '"\\u0000"'), ["body"]);
  await refusedFields(create("1st"), ["test_event_id"]);
  await refusedFields(create("x".repeat(33)), ["test_event_id"]);
  await refusedFields(create("refused", "{}", 9 as EventKind), ["kind"]);
  const text = (bytes: number) => JSON.stringify("x".repeat(bytes - 2));
  await refusedFields(create("refused", text(LIMITS.testEventBytesMax + 1)), ["body"]);
  assert.equal((await create("largest", text(LIMITS.testEventBytesMax))).body.length, LIMITS.testEventBytesMax);
  await refusedFields(request([]), ["body"]);
  await refusedFields(
    request({
      method: "get it",
      path: "pets",
      headers: { a: "b\r\nc: d" },
      pathParameters: { id: 1 },
      body: {},
      isBase64Encoded: "no",
      eventFormat: "gcp",
      cookies: [],
    }),
    [
      "body.body",
      "body.cookies",
      "body.eventFormat",
      "body.headers",
      "body.isBase64Encoded",
      "body.method",
      "body.path",
      "body.pathParameters",
    ],
  );
  await refusedFields(request({ path: "/a b" }), ["body.path"]);
});

test("events are listed by id, page by page, and go with their function", async () => {
  const { name } = await createFunction(client, "shop", "other");
  const make = (testEventId: string) =>
    client.call(service.createTestEvent, { parent: name, testEventId, kind: 0, body: "1", requestId: "" });
  for (const id of ["c", "a", "b"]) await make(id);
  const list = (pageToken: string) => client.call(service.listTestEvents, { parent: name, pageSize: 2, pageToken });
  const first = await list("");
  const second = await list(first.nextPageToken);
  assert.deepEqual(
    [...first.testEvents, ...second.testEvents].map((event) => event.name.at(-1)),
    ["a", "b", "c"],
  );
  assert.equal(second.nextPageToken, "");
  await client.call(FunctionServiceService.deleteFunction, { name, etag: "" });
  await refused(list(""), "not_found", "function_not_found");
});

test("another project's events are not found, and a viewer changes nothing", async () => {
  const { name } = await create("mine");
  const asEve = { token: "eve" };
  await refused(client.call(service.getTestEvent, { name }, asEve), "not_found", "project_not_found");
  await createProject(client, "eves", asEve);
  const theirs = { name: name.replace("shop", "eves") };
  await refused(client.call(service.getTestEvent, theirs, asEve), "not_found", "function_not_found");
});

test("a function has only so many", async () => {
  const { sql } = database;
  await sql`delete from test_events`;
  await sql`
    insert into test_events (function_uid, id, kind, body)
    select uid, 'e' || n, 'jd', '1' from functions, generate_series(1, ${QUOTAS.testEventsPerFunction - 1}) n
    where id = 'pets'`;
  await create("last");
  await refused(create("more"), "resource_exhausted", "test_events_quota_exceeded");
});

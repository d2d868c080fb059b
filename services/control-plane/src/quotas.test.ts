import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AlarmRule, AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { QUOTAS } from "./limits.ts";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
  definitionWith,
  mock,
  upload,
} from "./testing/calls.ts";
import { refused } from "./testing/expect.ts";
import { startTestBuilder } from "./testing/test-builder.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

// Each quota is filled by statements up to one below; one more is made, and the next is refused.

const { client, bus, database } = await startControlPlane({ after });
const { sql } = database;
startTestBuilder(bus);
await createProject(client, "shop");
const { name: group, label } = await createGroup(client, "shop", "store");
const pets = await createFunction(client, "shop", "pets");
await upload(client, pets.name);
const uid = (await sql<{ uid: string }[]>`select uid from functions where id = 'pets'`)[0]!.uid;
const exceeded = (call: Promise<unknown>, noun: string) =>
  refused(call, "resource_exhausted", `${noun}_quota_exceeded`);

test("functions of a project", async () => {
  const missing = QUOTAS.functionsPerProject - 2;
  await sql`
    insert into functions (uid, project, id, description, config)
    select 'fn-' || n, 'shop', 'f' || n, '', '{}' from generate_series(1, ${missing}) n`;
  await createFunction(client, "shop", "last");
  const error = await exceeded(createFunction(client, "shop", "more"), "functions");
  assert.equal(error.metadata.quota, String(QUOTAS.functionsPerProject));
});

test("versions and aliases of a function", async () => {
  await sql`
    insert into function_versions (function_uid, number, description, config, code, artifact_digest)
    select uid, n, '', '{}', code, artifact_digest
    from functions, generate_series(1, ${QUOTAS.versionsPerFunction}) n where uid = ${uid}`;
  await sql`update functions set latest_version = ${QUOTAS.versionsPerFunction} where uid = ${uid}`;
  const publish = client.call(FunctionServiceService.publishVersion, { name: pets.name, description: "" });
  await exceeded(publish, "versions");
  await sql`
    insert into aliases (function_uid, id, description)
    select ${uid}, 'a' || n, '' from generate_series(1, ${QUOTAS.aliasesPerFunction}) n`;
  const targets = [{ version: 1, weight: 100 }];
  const alias = { parent: pets.name, aliasId: "more", targets, description: "", minInstances: 0, requestId: "" };
  await exceeded(client.call(FunctionServiceService.createAlias, alias), "aliases");
});

test("code of a project", async () => {
  await createProject(client, "heavy");
  const { name } = await createFunction(client, "heavy", "f");
  await upload(client, name);
  await client.call(FunctionServiceService.publishVersion, { name, description: "" });
  await sql`update artifacts set size_bytes = ${QUOTAS.codeBytesPerProject}`;
  const before = await client.call(FunctionServiceService.getFunction, { name });
  await exceeded(upload(client, name, "export const handler = 'one more'"), "code");
  assert.deepEqual(await client.call(FunctionServiceService.getFunction, { name }), before);
});

test("groups of a project", async () => {
  await sql`
    insert into api_groups (label, project, id, description, prefix, access)
    select 'label' || n, 'shop', 'g' || n, '', '', 'none' from generate_series(1, ${QUOTAS.groupsPerProject - 2}) n`;
  await createGroup(client, "shop", "last");
  await exceeded(createGroup(client, "shop", "more"), "groups");
});

test("revisions of a group", async () => {
  await sql`
    insert into revisions (group_label, number, note)
    select ${label}, n, '' from generate_series(2, ${QUOTAS.revisionsPerGroup}) n`;
  const revision = { parent: group, revisionId: "", base: "", note: "", requestId: "" };
  await exceeded(client.call(GroupServiceService.createRevision, revision), "revisions");
});

test("APIs of a revision, created or imported, and their definitions", async () => {
  const parent = `${group}/revisions/0.0.1`;
  const operation = { responses: {}, "x-millrace-backend": { mock: {} } };
  const importMany = (count: number, description = "") => {
    const paths = Array.from({ length: count }, (_, i) => [`/p${i}`, { get: { ...operation, description } }]);
    const document = JSON.stringify({ openapi: "3.1.0", info: {}, paths: Object.fromEntries(paths) });
    const request = { parent, document, validateOnly: false };
    return client.call(ApiServiceService.importApis, request, { timeoutMs: 30_000 });
  };
  await exceeded(importMany(QUOTAS.apisPerRevision + 1), "apis");
  await importMany(QUOTAS.apisPerRevision - 1);
  await createApi(client, parent, "last", { path: "/last" });
  await exceeded(createApi(client, parent, "more", { path: "/more" }), "apis");
  await sql`update apis set definition_bytes = ${QUOTAS.definitionBytesPerRevision} where id = 'last'`;
  const definition = definitionWith({ path: "/p0", backend: mock() });
  await exceeded(
    client.call(ApiServiceService.updateApi, { name: `${parent}/apis/get_p0`, definition, etag: "" }),
    "definitions",
  );
});

test("alarms of a project", async () => {
  await sql`
    insert into alarms (
      uid, project, id, description, api, function_uid, metric, comparison, threshold, window_minutes, min_calls,
      alarm_after, ok_after, missing_data, sealed_secret, state_since, evaluate_at
    )
    select
      'al-' || n, 'shop', 'a' || n, '', '', ${uid}, 'timeouts', 'above', 1, 5, 0, 1, 1, 'keep', '', now(), now()
    from generate_series(1, ${QUOTAS.alarmsPerProject - 1}) n`;
  const rule = AlarmRule.create({ function: pets.name, metric: "timeouts", comparison: 1 });
  const create = (alarmId: string) => {
    const request = { parent: "projects/shop", alarmId, description: "", rule, webhookUrl: "", requestId: "" };
    return client.call(AlarmServiceService.createAlarm, request);
  };
  await create("last");
  await exceeded(create("more"), "alarms");
});

test("projects of the platform", async () => {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from projects`;
  await sql`
    insert into projects (id, display_name)
    select 'p' || n, '' from generate_series(1, ${QUOTAS.projects - row!.count}) n`;
  await exceeded(createProject(client, "more"), "projects");
});

test("a project's quotas are told with what is used of them, the fullest of each", async () => {
  const { quotas } = await client.call(ProjectServiceService.getQuotas, { name: "projects/shop" });
  const table = Object.entries(QUOTAS).filter(([name]) => name !== "projects");
  assert.deepEqual(
    quotas.map(({ name, limit }) => [name, limit]),
    table,
  );
  const of = Object.fromEntries(quotas.map(({ name, used, of: fullest }) => [name, [used, fullest]]));
  assert.deepEqual(of.functionsPerProject, [QUOTAS.functionsPerProject, ""]);
  assert.deepEqual(of.versionsPerFunction, [QUOTAS.versionsPerFunction, "pets"]);
  assert.deepEqual(of.aliasesPerFunction, [QUOTAS.aliasesPerFunction, "pets"]);
  assert.deepEqual(of.groupsPerProject, [QUOTAS.groupsPerProject, ""]);
  assert.deepEqual(of.revisionsPerGroup, [QUOTAS.revisionsPerGroup, "store"]);
  assert.deepEqual(of.apisPerRevision, [QUOTAS.apisPerRevision, "store"]);
  assert.ok(Number(of.definitionBytesPerRevision![0]) > QUOTAS.definitionBytesPerRevision);
  assert.deepEqual(of.alarmsPerProject, [QUOTAS.alarmsPerProject, ""]);
  assert.equal(of.testEventsPerFunction![0], 0);
  await refused(
    client.call(ProjectServiceService.getQuotas, { name: "projects/shop" }, { token: "eve" }),
    "not_found",
    "project_not_found",
  );
});

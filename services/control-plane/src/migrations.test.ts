import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { digestOf, packRecord } from "@millrace/bus";
import { DeploymentSnapshot } from "@millrace/proto/release/v1/release";
import { migrate } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { ApiService } from "./apis/api-service.ts";
import { SchemaChecker } from "./apis/schema-checker.ts";
import { DeploymentService } from "./deployments/deployment-service.ts";
import { AliasService } from "./functions/alias-service.ts";
import { FunctionService } from "./functions/function-service.ts";
import { VersionService } from "./functions/version-service.ts";
import { GroupService } from "./groups/group-service.ts";
import { ReleaseService } from "./releases/release-service.ts";
import { RevisionService } from "./revisions/revision-service.ts";

// What was stored by the platform of an earlier day, read by that of today.

const SCHEMA = "control_plane";
const ALL = new URL("../migrations", import.meta.url).pathname;
/** The last migration of that day. */
const LAST = "0008";

const earlier = mkdtempSync(join(tmpdir(), "millrace-migrations-"));
after(() => rmSync(earlier, { recursive: true, force: true }));
for (const file of readdirSync(ALL)) if (file.slice(0, 4) <= LAST) cpSync(join(ALL, file), join(earlier, file));
const { sql } = await testDatabase({ after }, { schema: SCHEMA, migrations: earlier });
const snapshot = DeploymentSnapshot.encode(
  DeploymentSnapshot.fromPartial({
    groupName: "store",
    revision: "0.0.1",
    routes: [
      {
        apiUid: "api-1",
        apiName: "get",
        method: "GET",
        path: "/pets",
        backend: { $case: "mock", value: { status: 200 } },
      },
    ],
  }),
).finish();
const digest = digestOf(snapshot);
await fill();
await migrate(sql, SCHEMA, ALL);

/** Rows as the service of that day wrote them. */
async function fill(): Promise<void> {
  const config = `{"handler":"","memoryMib":128,"timeoutMs":10000,"concurrency":0,"environment":{"A":"b"},"sealedSecrets":{}}`;
  const code = `{"digest":"d1","uploadDigest":"u1","source":"index.js|","handler":"","sizeBytes":10,"shape":"handler","exports":["handler"],"uploadedAt":"2026-01-02T03:04:05.000Z"}`;
  const definition = `{"method":"GET","path":"/pets","match":"exact","description":"all","parameters":[],"backend":{"kind":"mock","status":200,"headers":{},"body":"ok"}}`;
  const apis = `[{"id":"get","method":"GET","path":"/pets","backend":"pets@1"}]`;
  await sql`insert into projects (id, display_name) values ('shop', 'Shop')`;
  await sql`insert into artifacts (digest, size_bytes) values ('d1', 10)`;
  await sql`
    insert into functions (uid, project, id, description, config, code, artifact_digest, latest_version)
    values ('fn-1', 'shop', 'pets', 'old', ${config}::text::jsonb, ${code}::text::jsonb, 'd1', 1)`;
  await sql`
    insert into function_versions (function_uid, number, description, config, code, artifact_digest)
    values ('fn-1', 1, 'first', ${config}::text::jsonb, ${code}::text::jsonb, 'd1')`;
  await sql`insert into aliases (function_uid, id, description) values ('fn-1', 'live', '')`;
  await sql`insert into alias_targets (function_uid, alias, number, weight) values ('fn-1', 'live', 1, 100)`;
  await sql`
    insert into api_groups (label, project, id, description, prefix, access)
    values ('abcdefghijkl', 'shop', 'store', '', 'v1', 'none')`;
  await sql`insert into revisions (group_label, number, note) values ('abcdefghijkl', 1, 'n')`;
  await sql`
    insert into apis (group_label, revision, id, uid, definition, definition_bytes, route, function_uid)
    values ('abcdefghijkl', 1, 'get', 'api-1', ${definition}::text::jsonb, 100, 'GET exact /pets', 'fn-1')`;
  await sql`insert into snapshots (digest, packed) values (${digest}, ${packRecord(snapshot)})`;
  await sql`
    insert into deployments (group_label, environment, state, release, revision, snapshot_digest, generation)
    values ('abcdefghijkl', 'online', 'serving', 1, 1, ${digest}, 3)`;
  await sql`
    insert into releases (group_label, environment, number, revision, note, author, apis, rollback_of, snapshot_digest)
    values ('abcdefghijkl', 'online', 1, 1, 'was', 'ada@example.com', ${apis}::text::jsonb, 0, ${digest})`;
  await sql`
    insert into release_targets (group_label, environment, release, function_uid, qualifier)
    values ('abcdefghijkl', 'online', 1, 'fn-1', '1')`;
  await sql`
    insert into deployment_events (group_label, environment, kind, detail, author)
    values ('abcdefghijkl', 'online', 'alias_moved', 'pets@live to version 1 (100 %)', 'ada@example.com')`;
}

const seal = () => Buffer.from("sealed");
const online = { project: "shop", group: "store", environment: "online" };

test("functions, their versions and aliases are what they were, with the settings that came since", async () => {
  const draft = await new FunctionService({ sql, seal }).get("shop", "pets");
  assert.deepEqual(
    [draft.description, draft.config.environment, draft.config.egress],
    ["old", { A: "b" }, { mode: "http" }],
  );
  assert.deepEqual([draft.versionsKept, draft.latestVersion, draft.code?.digest], [100, 1, "d1"]);
  const version = await new VersionService({ sql }).get("shop", "pets", 1);
  assert.deepEqual([version.description, version.code.exports], ["first", ["handler"]]);
  const alias = await new AliasService({ sql }).get("shop", "pets", "live");
  assert.deepEqual([alias.targets, alias.minInstances], [[{ version: 1, weight: 100 }], 0]);
});

const keys = { accessKeysOf: async () => new Set<string>() };

test("groups, revisions and APIs are what they were", async () => {
  const authorizations = { forgetGroup: async () => {} };
  const group = await new GroupService({ sql, authorizations }).get("shop", "store");
  assert.deepEqual([group.label, group.prefix, group.access], ["abcdefghijkl", "v1", "none"]);
  const revision = await new RevisionService({ sql }).get("shop", "store", "0.0.1");
  assert.deepEqual([revision.note, revision.apiCount, revision.environments], ["n", 1, ["online"]]);
  const [api] = await new ApiService({ sql, schemas: new SchemaChecker(), keys }).list(
    { project: "shop", group: "store", revision: "0.0.1" },
    "",
    10,
  );
  assert.deepEqual([api?.id, api?.definition.path, api?.definition.backend?.kind], ["get", "/pets", "mock"]);
});

test("releases and their history are what they were, and an old release can be served again", async () => {
  const releases = new ReleaseService({ sql, keys });
  const was = await releases.get(online, 1);
  assert.deepEqual([was.note, was.apis.length, was.environmentBackend], ["was", 1, undefined]);
  const asked = { release: 1, note: "again", etag: "", author: "ada@example.com" };
  const once = { principal: "people/ada", method: "Rollback", requestId: "", request: new Uint8Array() };
  assert.equal((await releases.rollback(online, asked, once)).rollbackOf, 1);
  const deployments = new DeploymentService({ sql });
  const { release, snapshotDigest } = await deployments.get(online);
  assert.deepEqual([release, snapshotDigest], [2, digest]);
  const far = { atMicros: 7_258_118_400_000_000, table: 1, number: 1 };
  const history = await deployments.history(online, far, 10);
  assert.deepEqual(history.map(({ kind }) => kind).toSorted(), ["alias_moved", "released", "rolled_back"]);
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KEYS, unpackRecord } from "@millrace/bus";
import { Egress_Mode as EgressMode, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AliasRecord, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { until } from "@millrace/testing";
import {
  configWith,
  createApi,
  createFunction,
  createGroup,
  createProject,
  functionBackend,
  release,
  upload,
} from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, bucket, database, auth } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const functions = await bucket("functions");
const service = FunctionServiceService;
const publish = (name: string) => client.call(service.publishVersion, { name, description: "" });

async function functionWithVersions(id: string, versions: number): Promise<string> {
  const { name } = await createFunction(client, "shop", id);
  for (let i = 1; i <= versions; i++) {
    await upload(client, name, `export const handler = ${i}`);
    assert.equal((await publish(name)).number, i);
  }
  return name;
}

async function uidOf(id: string): Promise<string> {
  const [row] = await database.sql<{ uid: string }[]>`select uid from functions where id = ${id}`;
  return row!.uid;
}

test("a function without code is not published", async () => {
  const { name } = await createFunction(client, "shop", "bare");
  await refused(publish(name), "failed_precondition", "function_has_no_code");
});

test("a draft that has not changed is not published twice, whatever changes makes a new number", async () => {
  const name = await functionWithVersions("unchanged", 1);
  assert.equal((await publish(name)).number, 1);
  const config = configWith({ environment: { LEVEL: "debug" } });
  await client.call(service.updateFunction, { name, description: "only words", config: undefined, etag: "" });
  assert.equal((await publish(name)).number, 1);
  await client.call(service.updateFunction, { name, description: undefined, config, etag: "" });
  assert.equal((await publish(name)).number, 2);
  assert.equal((await client.call(service.getFunction, { name })).latestVersion, 2);
});

test("versions that are published at once have numbers without gaps, and none twice", async () => {
  const name = await functionWithVersions("busy", 1);
  const changes = Array.from({ length: 5 }, async (_, i) => {
    const config = configWith({ timeoutMs: 1_000 + i });
    await client.call(service.updateFunction, { name, description: undefined, config, etag: "" });
    return (await publish(name)).number;
  });
  await Promise.all(changes);
  const list = await client.call(service.listFunctionVersions, { parent: name, pageSize: 0, pageToken: "" });
  const numbers = list.versions.map(({ number }) => number);
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, i) => numbers.length - i),
  );
});

test("a version is told to gateways and runners with its code, settings and variables", async () => {
  const { name } = await createFunction(client, "shop", "told", {
    environment: { SNAKE_CASE_key: "1" },
    secrets: { S: "hidden" },
    maxConcurrencyPerRunner: 7,
    egress: { mode: EgressMode.HOSTS, hosts: ["DB.example.com:5432"] },
  });
  await upload(client, name, "export default { fetch }");
  const version = await publish(name);
  assert.deepEqual([version.config?.concurrency, version.config?.secrets], [16, { S: "" }]);
  const uid = await uidOf("told");
  const entry = await until(() => functions.get(KEYS.functionVersion(uid, 1)));
  const record = FunctionVersionRecord.decode(unpackRecord(entry.value));
  const { artifactDigest, shape, concurrency, environment, project, functionId, memoryMib, timeoutMs } = record;
  assert.deepEqual(
    [project, functionId, shape, concurrency, memoryMib, timeoutMs],
    ["shop", "told", "fetch", 16, 128, 10_000],
  );
  assert.equal(record.maxConcurrencyPerRunner, 7);
  assert.deepEqual(record.egress, { mode: "hosts", hosts: ["db.example.com:5432"] });
  assert.deepEqual(environment, { SNAKE_CASE_key: "1" });
  assert.equal(artifactDigest, version.code?.digest);
});

test("versions are listed newest first, by pages", async () => {
  const parent = await functionWithVersions("listed", 3);
  const first = await client.call(service.listFunctionVersions, { parent, pageSize: 2, pageToken: "" });
  const rest = await client.call(service.listFunctionVersions, { parent, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(
    [...first.versions, ...rest.versions].map(({ number }) => number),
    [3, 2, 1],
  );
  for (const after of ["x", "-1", "1.5", "2147483648"]) {
    const pageToken = Buffer.from(JSON.stringify([`versions ${parent}`, after])).toString("base64url");
    await refusedFields(client.call(service.listFunctionVersions, { parent, pageSize: 2, pageToken }), ["page_token"]);
  }
});

test("a version that an alias or a release uses is not deleted; another is, and leaves the bus", async () => {
  const name = await functionWithVersions("kept", 3);
  const target = { version: 1, weight: 100 };
  const alias = { parent: name, aliasId: "live", targets: [target], description: "", minInstances: 0, requestId: "" };
  await client.call(service.createAlias, alias);
  await createGroup(client, "shop", "kept");
  const group = "projects/shop/groups/kept";
  await createApi(client, `${group}/revisions/0.0.1`, "pinned", { backend: functionBackend(name, "2") });
  await release(client, `${group}/deployments/test`);
  const remove = (number: number) => client.call(service.deleteFunctionVersion, { name: `${name}/versions/${number}` });
  assert.match((await refused(remove(1), "failed_precondition", "version_in_use")).message, /aliases live/);
  assert.match((await refused(remove(2), "failed_precondition", "version_in_use")).message, /kept test \(release 1\)/);
  const uid = await uidOf("kept");
  await until(() => functions.get(KEYS.functionVersion(uid, 3)));
  await remove(3);
  await until(async () => (await functions.get(KEYS.functionVersion(uid, 3)))?.operation === "DEL");
  await refused(remove(3), "not_found", "version_not_found");
  assert.equal((await publish(name)).number, 4);
});

test("an alias points to one version, or to two whose weights sum to 100", async () => {
  const parent = await functionWithVersions("aliased", 2);
  const create = (aliasId: string, targets: { version: number; weight: number }[], minInstances = 0) =>
    client.call(service.createAlias, { parent, aliasId, targets, description: "", minInstances, requestId: "" });
  const [one, two] = [
    { version: 1, weight: 90 },
    { version: 2, weight: 10 },
  ];
  assert.deepEqual((await create("canary", [one, two])).targets, [one, two]);
  await refused(create("canary", [one, two]), "already_exists", "alias_exists");
  assert.equal((await create("warm", [one, two], 16)).minInstances, 16);
  for (const minInstances of [-1, 17]) await refusedFields(create("hot", [one, two], minInstances), ["min_instances"]);
  await refusedFields(create("none", []), ["targets", "targets"]);
  await refusedFields(create("sum", [one, { version: 2, weight: 11 }]), ["targets"]);
  await refusedFields(create("same", [one, { version: 1, weight: 10 }]), ["targets"]);
  await refusedFields(
    create("light", [
      { version: 1, weight: 100 },
      { version: 2, weight: 0 },
    ]),
    ["targets[1].weight"],
  );
  await refused(create("ghost", [{ version: 9, weight: 100 }]), "not_found", "version_not_found");
  await refusedFields(create("LATEST", [one, two]), ["alias_id"]);
  await refusedFields(create("12", [one, two]), ["alias_id"]);
});

test("an alias that moves is told at once, and the move is in the history of the deployments that follow it", async () => {
  const name = await functionWithVersions("moving", 2);
  const alias = {
    parent: name,
    aliasId: "live",
    targets: [{ version: 1, weight: 100 }],
    description: "",
    minInstances: 2,
    requestId: "",
  };
  const { etag } = await client.call(service.createAlias, alias);
  await createGroup(client, "shop", "moving");
  const group = "projects/shop/groups/moving";
  await createApi(client, `${group}/revisions/0.0.1`, "live", { backend: functionBackend(name, "live") });
  await release(client, `${group}/deployments/online`);
  const move = { name: `${name}/aliases/live`, targets: [{ version: 2, weight: 100 }], description: undefined, etag };
  await client.call(service.updateAlias, move);
  const uid = await uidOf("moving");
  const record = await until(async () => {
    const entry = await functions.get(KEYS.alias(uid, "live"));
    const found = entry && AliasRecord.decode(unpackRecord(entry.value));
    return found?.targets[0]?.version === 2 && found;
  });
  assert.deepEqual([record.generation, record.minInstances], [2, 2]);
  const events = await database.sql`select kind, detail, author from deployment_events where environment = 'online'`;
  assert.deepEqual(
    [...events],
    [{ kind: "alias_moved", detail: "moving@live to version 2 (100 %)", author: "ada@example.com" }],
  );
  await refused(client.call(service.updateAlias, move), "aborted", "etag_mismatch");
  await refused(client.call(service.deleteAlias, { name: move.name, etag: "" }), "failed_precondition", "alias_in_use");
});

test("an unused alias is deleted and leaves the bus; lists go by id", async () => {
  const name = await functionWithVersions("ending", 1);
  for (const aliasId of ["a", "b", "c"]) {
    const targets = [{ version: 1, weight: 100 }];
    await client.call(service.createAlias, {
      parent: name,
      aliasId,
      targets,
      description: "",
      minInstances: 0,
      requestId: "",
    });
  }
  const uid = await uidOf("ending");
  await until(() => functions.get(KEYS.alias(uid, "b")));
  await client.call(service.deleteAlias, { name: `${name}/aliases/b`, etag: "" });
  await until(async () => (await functions.get(KEYS.alias(uid, "b")))?.operation === "DEL");
  await refused(client.call(service.getAlias, { name: `${name}/aliases/b` }), "not_found", "alias_not_found");
  const page = await client.call(service.listAliases, { parent: name, pageSize: 1, pageToken: "" });
  const rest = await client.call(service.listAliases, { parent: name, pageSize: 1, pageToken: page.nextPageToken });
  assert.deepEqual([page.aliases[0]?.name.at(-1), rest.aliases[0]?.name.at(-1)], ["a", "c"]);
});

test("a viewer may list versions but not publish", async () => {
  const name = await functionWithVersions("viewed", 1);
  auth.addPerson("vic");
  auth.grant("vic", "shop", 3);
  const list = { parent: name, pageSize: 0, pageToken: "" };
  assert.equal((await client.call(service.listFunctionVersions, list, { token: "vic" })).versions.length, 1);
  const published = client.call(service.publishVersion, { name, description: "" }, { token: "vic" });
  await refused(published, "permission_denied", "permission_denied");
  const uploaded = upload(client, name, "x", {}, { token: "vic" });
  await refused(uploaded, "permission_denied", "permission_denied");
});

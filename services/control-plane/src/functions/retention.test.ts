import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KEYS } from "@millrace/bus";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { until } from "@millrace/testing";
import { LIMITS } from "../limits.ts";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
  functionBackend,
  release,
  upload,
} from "../testing/calls.ts";
import { refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus, app, bucket, clock, database } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const functions = await bucket("functions");
const service = FunctionServiceService;
const keep = (name: string, versionsKept: number) =>
  client.call(service.updateFunction, { name, description: undefined, config: undefined, versionsKept, etag: "" });

async function published(id: string, count: number): Promise<string> {
  const { name } = await createFunction(client, "shop", id);
  for (let version = 1; version <= count; version++) {
    await upload(client, name, `export const handler = "${id} ${version}"`);
    await client.call(service.publishVersion, { name, description: `the ${version}th` });
  }
  return name;
}

async function numbersOf(parent: string): Promise<number[]> {
  const request = { parent, pageSize: 0, pageToken: "" };
  return (await client.call(service.listFunctionVersions, request)).versions.map(({ number }) => number);
}

test("a function keeps its newest versions, and what an alias or any release has of the older ones", async () => {
  const name = await published("kept", 7);
  const alias = { parent: name, aliasId: "old", description: "", minInstances: 0, requestId: "" };
  await client.call(service.createAlias, { ...alias, targets: [{ version: 2, weight: 100 }] });
  const { name: group } = await createGroup(client, "shop", "kept");
  const online = `${group}/deployments/online`;
  await createApi(client, `${group}/revisions/0.0.1`, "get", { path: "/" });
  for (const version of ["3", "5"])
    await release(client, online, { environmentBackend: functionBackend(name, version) });
  await keep(name, 2);
  await app.sweepVersions();
  assert.deepEqual(await numbersOf(name), [7, 6, 5, 3, 2]);
  const [{ uid }] = await database.sql<[{ uid: string }]>`select uid from functions where id = 'kept'`;
  await until(async () => (await functions.get(KEYS.functionVersion(uid, 1)))?.operation !== "PUT");
  assert.equal((await functions.get(KEYS.functionVersion(uid, 3)))?.operation, "PUT");

  clock.now = new Date(Date.now() + LIMITS.artifactUnusedMs + 60_000);
  await app.sweepArtifacts();
  const once = { note: "", requestId: "", etag: "" };
  const back = await client.call(DeploymentServiceService.rollback, { name: online, release: 1, ...once });
  assert.deepEqual(
    back.apis.map(({ backend }) => backend),
    ["kept@3"],
  );
  const left = await database.sql<{ count: number }[]>`select count(*)::int as count from artifacts`;
  assert.equal(left[0]!.count, 5, "the code of versions that went is gone, that of all others is there");
});

test("what is kept is 100 unless it is said, at most 1000, and each version has its description", async () => {
  const { name, versionsKept } = await createFunction(client, "shop", "default");
  assert.equal(versionsKept, 100);
  assert.equal((await keep(name, 1_000)).versionsKept, 1_000);
  await refusedFields(keep(name, 1_001), ["versions_kept"]);
  await refusedFields(keep(name, -1), ["versions_kept"]);
  const request = { name: "projects/shop/functions/kept/versions/7" };
  assert.equal((await client.call(service.getFunctionVersion, request)).description, "the 7th");
});

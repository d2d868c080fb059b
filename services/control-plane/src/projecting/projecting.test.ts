import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KEYS, OBJECT_STORES, openObjects, packRecord, unpackRecord } from "@millrace/bus";
import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { DeploymentRecord } from "@millrace/proto/release/v1/release";
import { until } from "@millrace/testing";
import type { KV } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { LIMITS } from "../limits.ts";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
  definitionWith,
  functionBackend,
  mock,
  release,
  upload,
} from "../testing/calls.ts";
import { refused } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane, type TestControlPlane } from "../testing/test-control-plane.ts";

const root = { token: "root" };

/** A served group with a function behind it. */
async function served({ client, bus }: TestControlPlane) {
  const builder = startTestBuilder(bus);
  await createProject(client, "shop");
  const { name: fn } = await createFunction(client, "shop", "pets");
  const { code } = await upload(client, fn);
  builder.stop();
  const group = await createGroup(client, "shop", "store");
  const revision = `${group.name}/revisions/0.0.1`;
  await createApi(client, revision, "getPet", { path: "/pets", backend: functionBackend(fn) });
  await release(client, `${group.name}/deployments/online`);
  return { ...group, revision, artifact: code!.digest, online: `${group.name}/deployments/online` };
}

async function keysOf(bucket: KV): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of await bucket.keys()) keys.push(key);
  return keys.toSorted();
}

async function recordOf(bucket: KV, label: string): Promise<DeploymentRecord | undefined> {
  const entry = await bucket.get(KEYS.deployment(label));
  return entry?.operation === "PUT" ? DeploymentRecord.decode(unpackRecord(entry.value)) : undefined;
}

test("reprojection puts back what was lost or altered, and takes away what should not be there", async () => {
  const platform = await startControlPlane({ after });
  const { client, bucket, bus } = platform;
  const { label, artifact } = await served(platform);
  const [releases, functions] = [await bucket("releases"), await bucket("functions")];
  const artifacts = await openObjects(bus, OBJECT_STORES.artifacts);
  await until(() => recordOf(releases, label));
  const before = [...(await keysOf(releases)), ...(await keysOf(functions))];
  for (const key of await keysOf(functions)) await functions.purge(key);
  await releases.put(KEYS.deployment(label), packRecord(Buffer.from("altered")));
  await releases.put(KEYS.deployment("strangerstra"), packRecord(Buffer.from("stray")));
  await functions.put(KEYS.alias("fn-stranger", "live"), packRecord(Buffer.from("stray")));
  await artifacts.delete(artifact);
  const done = await client.call(AdminServiceService.reproject, {}, { ...root, timeoutMs: 60_000 });
  assert.deepEqual(done, { deployments: 1, functionVersions: 1, aliases: 0, domains: 0, artifacts: 1, grants: 7 });
  assert.deepEqual([...(await keysOf(releases)), ...(await keysOf(functions))], before);
  assert.equal((await recordOf(releases, label))?.hostLabel, label);
  assert.ok(await artifacts.getBlob(artifact));
  await refused(client.call(AdminServiceService.reproject, {}), "permission_denied", "permission_denied");
});

test("what changes while the bus is away is told when it comes back, and control-plane serves meanwhile", async () => {
  const platform = await startControlPlane({ after });
  const { client, bucket, nats, app } = platform;
  const { label, online } = await served(platform);
  const releases = await bucket("releases");
  await until(() => recordOf(releases, label));
  await nats.server.stop();
  await client.call(DeploymentServiceService.takeOffline, { name: online, etag: "" });
  await release(client, online, { note: "without a bus" });
  await nats.server.start();
  await until(async () => (await recordOf(releases, label))?.release === 2, { timeoutMs: 15_000 });
  assert.ok(app.link.open);
});

test("a bus that comes back empty is filled again", async () => {
  const platform = await startControlPlane({ after });
  const { bucket, bus } = platform;
  const { label, artifact } = await served(platform);
  const releases = await bucket("releases");
  await until(() => recordOf(releases, label));
  await releases.destroy();
  await (await bucket("functions")).destroy();
  await (await new Objm(bus).open(OBJECT_STORES.artifacts)).destroy();
  await platform.nats.server.stop();
  await platform.nats.server.start();
  const filled = await until(() => bucket("releases").then((kv) => recordOf(kv, label)), { timeoutMs: 15_000 });
  assert.equal(filled.release, 1);
  const artifacts = await openObjects(bus, OBJECT_STORES.artifacts);
  await until(async () => (await artifacts.info(artifact)) !== null);
});

test("with no bus at all everything that needs none is served, and what needs it says so", async () => {
  const { client, database } = await startControlPlane({ after }, { busReachable: false });
  await createProject(client, "shop");
  const group = await createGroup(client, "shop", "store");
  await createApi(client, `${group.name}/revisions/0.0.1`, "a", { path: "/a", backend: mock() });
  assert.equal((await release(client, `${group.name}/deployments/online`)).number, 1);
  assert.equal((await database.sql`select 1 from outbox`).length, 1);
  await refused(client.call(AdminServiceService.listRunners, {}, root), "unavailable", "bus_unavailable");
  await refused(client.call(AdminServiceService.reproject, {}, root), "unavailable", "bus_unavailable");
});

test("a snapshot that a deployment has left stays for a while and is then taken off the bus", async () => {
  const platform = await startControlPlane({ after });
  const { client, bucket, clock, app } = platform;
  const { label, online, revision } = await served(platform);
  const releases = await bucket("releases");
  const first = await until(() => recordOf(releases, label));
  await client.call(DeploymentServiceService.takeOffline, { name: online, etag: "" });
  const definition = definitionWith({ path: "/cats", backend: mock() });
  await client.call(ApiServiceService.updateApi, { name: `${revision}/apis/getPet`, definition, etag: "" });
  await release(client, online);
  const second = await until(async () => {
    const record = await recordOf(releases, label);
    return record?.release === 2 && record;
  });
  const parts = async () => (await keysOf(releases)).filter((key) => key.startsWith("snapshot."));
  const partOf = ({ snapshotDigest }: DeploymentRecord) => KEYS.snapshotPart(snapshotDigest, 0);
  await app.sweepSnapshots();
  assert.deepEqual(await parts(), [partOf(first), partOf(second)].toSorted());
  clock.now = new Date(clock.now.getTime() + LIMITS.snapshotRetirementMs + 60_000);
  await app.sweepSnapshots();
  assert.deepEqual(await parts(), [partOf(second)]);
  const rollback = { name: online, release: 1, note: "", requestId: "", etag: "" };
  await client.call(DeploymentServiceService.rollback, rollback);
  await until(async () => (await recordOf(releases, label))?.release === 3);
  assert.ok((await parts()).includes(partOf(first)));
  clock.now = new Date(clock.now.getTime() + LIMITS.snapshotRetirementMs + 60_000);
  await app.sweepSnapshots();
  assert.deepEqual(await parts(), [partOf(first)]);
});

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { KEYS, unpackRecord } from "@millrace/bus";
import { DeploymentServiceService, DeploymentState } from "@millrace/proto/control/v1/deployments";
import { AccessMode, GroupServiceService, type ListGroupsRequest } from "@millrace/proto/control/v1/groups";
import { DeploymentRecord, DeploymentRecord_Access } from "@millrace/proto/release/v1/release";
import type { CallOptions } from "@millrace/rpc";
import { until } from "@millrace/testing";
import { createApi, createGroup, createProject, mock, release } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bucket, auth } = await startControlPlane({ after });
await createProject(client, "shop");
const releases = await bucket("releases");
const service = GroupServiceService;
const update = { description: undefined, prefix: undefined, access: 0, etag: "" } as const;

async function released(groupId: string, environment = "online") {
  const group = await createGroup(client, "shop", groupId);
  await createApi(client, `${group.name}/revisions/0.0.1`, "a", { backend: mock() });
  const deployment = `${group.name}/deployments/${environment}`;
  await release(client, deployment);
  return { ...group, deployment };
}

const list = (request: Partial<ListGroupsRequest> & { parent: string }, options?: CallOptions) =>
  client.call(service.listGroups, { pageSize: 0, pageToken: "", search: "", deployed: undefined, ...request }, options);

async function recordOf(hostLabel: string): Promise<DeploymentRecord | undefined> {
  const entry = await releases.get(KEYS.deployment(hostLabel));
  return entry?.operation === "PUT" ? DeploymentRecord.decode(unpackRecord(entry.value)) : undefined;
}

test("a group is made with a label, revision 0.0.1 and three deployments", async () => {
  const group = await createGroup(client, "shop", "petstore", { prefix: "v1" });
  assert.match(group.label, /^[a-z0-9]{12}$/);
  assert.equal(group.access, AccessMode.AUTHORIZED);
  const { revisions } = await client.call(service.listRevisions, { parent: group.name, pageSize: 0, pageToken: "" });
  assert.deepEqual(
    revisions.map(({ name }) => name),
    [`${group.name}/revisions/0.0.1`],
  );
  const { deployments } = await client.call(DeploymentServiceService.listDeployments, { parent: group.name });
  assert.deepEqual(
    deployments.map(({ name, host, state }) => [name.split("/").at(-1), host, state]),
    [
      ["test", `${group.label}-test.local-1.localhost`, DeploymentState.UNRELEASED],
      ["preview", `${group.label}-preview.local-1.localhost`, DeploymentState.UNRELEASED],
      ["online", `${group.label}.local-1.localhost`, DeploymentState.UNRELEASED],
    ],
  );
  const [test] = deployments;
  assert.equal(test?.hostUrl, `http://${group.label}-test.local-1.localhost:8080`);
  assert.equal(test?.pathUrl, `http://127.0.0.1:8080/~${group.label}/test`);
  await refused(createGroup(client, "shop", "petstore"), "already_exists", "group_exists");
});

test("ids, prefixes and access modes outside their rules are refused by field", async () => {
  await refusedFields(createGroup(client, "shop", "-x"), ["group_id"]);
  await refusedFields(createGroup(client, "shop", "x".repeat(33)), ["group_id"]);
  await refusedFields(createGroup(client, "shop", "g", { prefix: "a/b" }), ["prefix"]);
  await refusedFields(createGroup(client, "shop", "g", { prefix: ".." }), ["prefix"]);
  await refusedFields(createGroup(client, "shop", "g", { prefix: "x".repeat(65) }), ["prefix"]);
  await refusedFields(createGroup(client, "shop", "g", { access: 9 as AccessMode }), ["access"]);
  assert.equal((await createGroup(client, "shop", "9-edge", { prefix: "x".repeat(64) })).prefix.length, 64);
  await refused(createGroup(client, "none", "g"), "not_found", "project_not_found");
});

test("a repeated create answers the same group with the same label", async () => {
  const request = {
    parent: "projects/shop",
    groupId: "once",
    description: "",
    prefix: "",
    access: 0,
    requestId: randomUUID(),
  } as const;
  const first = await client.call(service.createGroup, request);
  assert.deepEqual(await client.call(service.createGroup, request), first);
});

test("a new access mode reaches the bus without a release", async () => {
  const { name, label, etag } = await released("opening");
  const before = await until(() => recordOf(label));
  assert.equal(before.access, DeploymentRecord_Access.AUTHORIZED);
  const opened = await client.call(service.updateGroup, { ...update, name, access: AccessMode.NONE, etag });
  assert.equal(opened.access, AccessMode.NONE);
  const record = await until(async () => {
    const found = await recordOf(label);
    return found?.access === DeploymentRecord_Access.NONE && found;
  });
  assert.ok(record.generation > before.generation);
  assert.equal(record.snapshotDigest, before.snapshotDigest);
  await refused(client.call(service.updateGroup, { ...update, name, etag }), "aborted", "etag_mismatch");
});

test("a group that is served is not deleted; offline it is, with everything in it", async () => {
  const { name, label, deployment } = await released("ending", "test");
  const served = client.call(service.deleteGroup, { name, etag: "" });
  assert.match((await refused(served, "failed_precondition", "group_deployed")).message, /in test;/);
  await until(() => recordOf(`${label}-test`));
  await client.call(DeploymentServiceService.takeOffline, { name: deployment, etag: "" });
  await client.call(service.deleteGroup, { name, etag: "" });
  assert.equal(auth.asked.at(-1), `forgetGroup ${name}`);
  await refused(client.call(service.getGroup, { name }), "not_found", "group_not_found");
  await until(async () => (await recordOf(`${label}-test`)) === undefined);
});

test("a list is paged by id and belongs to its project", async () => {
  await createProject(client, "pages");
  for (const id of ["a", "b", "c"]) await createGroup(client, "pages", id);
  const parent = "projects/pages";
  const first = await list({ parent, pageSize: 2 });
  const rest = await list({ parent, pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(
    [...first.groups, ...rest.groups].map(({ name }) => name.at(-1)),
    ["a", "b", "c"],
  );
  const foreign = list({ parent }, { token: "eve" });
  await refused(foreign, "not_found", "project_not_found");
});

test("groups are found by a part of their id or description, by their label, and by whether they are served", async () => {
  const { parent } = { parent: `projects/${(await createProject(client, "search")).name.split("/")[1]}` };
  const makeGroup = (groupId: string, description = "") =>
    client.call(service.createGroup, { parent, groupId, description, prefix: "", access: 0, requestId: "" });
  const { label } = await makeGroup("Orders");
  await makeGroup("pets", "all about dog ORDERs, 100%");
  await makeGroup("plain");
  const found = async (filter: Partial<ListGroupsRequest>) =>
    (await list({ parent, ...filter })).groups.map(({ name }) => name.split("/").at(-1));
  assert.deepEqual(await found({ search: "order" }), ["Orders", "pets"]);
  assert.deepEqual(await found({ search: label }), ["Orders"]);
  assert.deepEqual(await found({ search: label.slice(1) }), []);
  assert.deepEqual(await found({ search: "%" }), ["pets"]);
  assert.deepEqual(await found({ search: "_" }), []);
  await createApi(client, `${parent}/groups/plain/revisions/0.0.1`, "a", { backend: mock() });
  await release(client, `${parent}/groups/plain/deployments/test`);
  assert.deepEqual(await found({ deployed: true }), ["plain"]);
  assert.deepEqual(await found({ deployed: false }), ["Orders", "pets"]);
  await refusedFields(list({ parent, search: "x".repeat(101) }), ["search"]);
  await refusedFields(list({ parent, search: "\0" }), ["search"]);
  const { nextPageToken } = await list({ parent, pageSize: 1, search: "order" });
  await refusedFields(list({ parent, pageToken: nextPageToken }), ["page_token"]);
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService, type DiffReleaseRequest } from "@millrace/proto/control/v1/deployments";
import { ApiDifference_Kind as Kind } from "@millrace/proto/control/v1/differences";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
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
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, bus } = await startControlPlane({ after });
startTestBuilder(bus);
await createProject(client, "shop");
const { name: fn } = await createFunction(client, "shop", "pets");
await upload(client, fn);
const { name: group } = await createGroup(client, "shop", "store");
const online = `${group}/deployments/online`;
const first = `${group}/revisions/0.0.1`;
const second = `${group}/revisions/0.0.2`;
const diff = (request: Partial<DiffReleaseRequest> = {}, token = "ada") => {
  const asked = { name: online, revision: "0.0.1", environmentBackend: undefined, routingRules: undefined, ...request };
  return client.call(DeploymentServiceService.diffRelease, asked, { token });
};

test("before the first release everything is added, and what refuses a release refuses the comparison", async () => {
  await refused(diff(), "failed_precondition", "revision_empty");
  await createApi(client, first, "get", { path: "/pets", backend: functionBackend(fn) });
  await createApi(client, first, "open", { path: "/open" });
  await refused(diff(), "failed_precondition", "backend_unresolved");
  const found = await diff({ environmentBackend: mock() });
  assert.deepEqual([found.release, found.revision], [0, ""]);
  assert.deepEqual(
    found.apis.map(({ apiId, kind }) => [apiId, kind]),
    [
      ["get", Kind.ADDED],
      ["open", Kind.ADDED],
    ],
  );
});

test("nothing is published, released or kept by a comparison", async () => {
  const { latestVersion } = await client.call(FunctionServiceService.getFunction, { name: fn });
  assert.equal(latestVersion, 0);
  const request = { parent: online, pageSize: 0, pageToken: "" };
  assert.deepEqual((await client.call(DeploymentServiceService.listReleases, request)).releases, []);
});

test("the same again is no difference; an edit, another version and another backend of the environment are", async () => {
  await release(client, online, { environmentBackend: mock() });
  assert.deepEqual((await diff()).apis, []);
  const copy = { parent: group, revisionId: "", base: "", note: "", requestId: "" };
  await client.call(GroupServiceService.createRevision, copy);
  const definition = definitionWith({ path: "/animals", backend: functionBackend(fn) });
  await client.call(ApiServiceService.updateApi, { name: `${second}/apis/get`, definition, etag: "" });
  await upload(client, fn, "export const handler = 'newer'");
  const found = await diff({ revision: "0.0.2", environmentBackend: mock("other") });
  assert.deepEqual([found.release, found.revision], [1, "0.0.1"]);
  const told = found.apis.map(({ apiId, fields }) => [apiId, fields.map(({ path, after }) => `${path} ${after}`)]);
  const body = JSON.stringify(Buffer.from("other").toString("base64"));
  assert.deepEqual(told, [
    ["get", ['backend "pets@2"', 'path "/animals"']],
    ["open", [`mock.body ${body}`]],
  ]);
});

test("only the project's members compare, and only what there is", async () => {
  await refused(diff({ revision: "3.0.0" }), "not_found", "revision_not_found");
  await refusedFields(diff({ revision: "latest" }), ["revision"]);
  await refusedFields(diff({ name: `${group}/deployments/prod` }), ["name"]);
  await refused(diff({}, "eve"), "not_found", "project_not_found");
});

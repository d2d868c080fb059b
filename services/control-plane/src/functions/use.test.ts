import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import {
  createApi,
  createFunction,
  createGroup,
  createProject,
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
const { name } = await createFunction(client, "shop", "pets");
await upload(client, name);
const service = FunctionServiceService;
const apisOf = (pageToken = "", pageSize = 0, of = name, token = "ada") =>
  client.call(service.listFunctionApis, { name: of, pageSize, pageToken }, { token });
const deploymentsOf = (pageToken = "", pageSize = 0) =>
  client.call(service.listFunctionDeployments, { name, pageSize, pageToken });

async function groupUsing(id: string): Promise<string> {
  const { name: group } = await createGroup(client, "shop", id);
  const revision = `${group}/revisions/0.0.1`;
  await createApi(client, revision, "get", { path: "/pets", backend: functionBackend(name) });
  await createApi(client, revision, "open", { path: "/open" });
  await createApi(client, revision, "other", { path: "/other", backend: mock() });
  return group;
}

test("APIs that name the function are told with where they are served, deployments with what they call", async () => {
  const group = await groupUsing("store");
  assert.deepEqual((await apisOf()).apis, [
    { api: `${group}/revisions/0.0.1/apis/get`, method: "GET", path: "/pets", qualifier: "LATEST", environments: [] },
  ]);
  assert.deepEqual((await deploymentsOf()).deployments, []);
  await release(client, `${group}/deployments/online`, { environmentBackend: functionBackend(name) });
  await release(client, `${group}/deployments/test`, { environmentBackend: mock() });
  assert.deepEqual((await apisOf()).apis[0]!.environments, ["test", "online"]);
  const told = async () =>
    (await deploymentsOf()).deployments.map(({ deployment, release: number, serving, qualifiers }) => [
      deployment.split("/").at(-1),
      number,
      serving,
      qualifiers,
    ]);
  assert.deepEqual(await told(), [
    ["online", 1, true, ["1"]],
    ["test", 1, true, ["1"]],
  ]);
  await client.call(DeploymentServiceService.takeOffline, { name: `${group}/deployments/test`, etag: "" });
  assert.deepEqual((await told())[1], ["test", 1, false, ["1"]]);
});

test("pages hold each once", async () => {
  for (const id of ["a", "b", "c"])
    await release(client, `${await groupUsing(id)}/deployments/online`, { environmentBackend: mock() });
  const whole = [await apisOf(), await deploymentsOf()] as const;
  const apis: unknown[] = [];
  const deployments: unknown[] = [];
  for (let token = ""; ; ) {
    const page = await apisOf(token, 1);
    apis.push(...page.apis);
    token = page.nextPageToken;
    if (token === "") break;
  }
  for (let token = ""; ; ) {
    const page = await deploymentsOf(token, 2);
    deployments.push(...page.deployments);
    token = page.nextPageToken;
    if (token === "") break;
  }
  assert.deepEqual([apis, deployments], [whole[0].apis, whole[1].deployments]);
  assert.equal(apis.length, 4);
  for (const key of [["x"], ["abc", "1", "a"], ["a".repeat(12), "-1", "a"], ["a".repeat(12), "1", "\0"]]) {
    const token = Buffer.from(JSON.stringify([`apis of ${name}`, ...key])).toString("base64url");
    await refusedFields(apisOf(token), ["page_token"]);
  }
});

test("a function that is used is not deleted, and the refusal names by what", async () => {
  const error = await refused(
    client.call(service.deleteFunction, { name, etag: "" }),
    "failed_precondition",
    "function_in_use",
  );
  assert.match(error.message, /APIs a 0\.0\.1 get, .*; deployments a online \(release 1\)/);
});

test("strangers are told nothing", async () => {
  await refused(apisOf("", 0, name, "eve"), "not_found", "project_not_found");
  await refused(apisOf("", 0, name.replace("pets", "none")), "not_found", "function_not_found");
});

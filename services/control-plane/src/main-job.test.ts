import assert from "node:assert/strict";
import { after, test } from "node:test";
import { KEYS, unpackRecord } from "@millrace/bus";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService, UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { DeploymentRecord, DeploymentSnapshot, FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { until } from "@millrace/testing";
import { definitionWith, pathParameter } from "./testing/calls.ts";
import { startTestBuilder } from "./testing/test-builder.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

const platform = await startControlPlane({ after });

test("a project, a function, a group, an API and a release end up as records on the bus", async () => {
  const { client, bus } = platform;
  startTestBuilder(bus);
  await client.call(ProjectServiceService.createProject, { projectId: "shop", displayName: "", requestId: "" });
  const config = {
    handler: "",
    memoryMib: 0,
    timeoutMs: 0,
    concurrency: 0,
    maxConcurrencyPerRunner: 0,
    environment: { A: "1" },
    secrets: { S: "x" },
    egress: undefined,
  };
  const name = "projects/shop/functions/pets";
  const parent = "projects/shop";
  await client.call(FunctionServiceService.createFunction, {
    parent,
    functionId: "pets",
    description: "",
    config,
    requestId: "",
  });
  const uploaded = await client.callClientStream(FunctionServiceService.uploadCode, [
    UploadCodeRequest.create({ part: { $case: "header", value: { name, filename: "index.js" } } }),
    UploadCodeRequest.create({ part: { $case: "chunk", value: Buffer.from("export const handler = 1") } }),
  ]);
  assert.deepEqual(uploaded.code?.exports, ["handler"]);
  const group = await client.call(GroupServiceService.createGroup, {
    parent,
    groupId: "petstore",
    description: "",
    prefix: "v1",
    access: 0,
    requestId: "",
  });
  await client.call(ApiServiceService.createApi, {
    parent: "projects/shop/groups/petstore/revisions/0.0.1",
    apiId: "getPet",
    definition: definitionWith({
      path: "/pets/{petId}",
      parameters: [{ ...pathParameter("petId"), type: 2 }],
      backend: { kind: { $case: "function", value: { function: name, qualifier: "", eventFormat: 0 } } },
    }),
    requestId: "",
  });
  const release = await client.call(DeploymentServiceService.createRelease, {
    name: "projects/shop/groups/petstore/deployments/online",
    revision: "0.0.1",
    environmentBackend: undefined,
    routingRules: undefined,
    note: "first",
    requestId: "",
    etag: "",
  });
  assert.deepEqual(release.apis, [{ apiId: "getPet", method: "GET", path: "/v1/pets/{petId}", backend: "pets@1" }]);
  assert.equal(release.author, "ada@example.com");

  const releases = await platform.bucket("releases");
  const entry = await until(() => releases.get(KEYS.deployment(group.label)));
  const record = DeploymentRecord.decode(unpackRecord(entry.value));
  assert.equal(record.deployment, "projects/shop/groups/petstore/deployments/online");
  const part = await releases.get(KEYS.snapshotPart(record.snapshotDigest, 0));
  const snapshot = DeploymentSnapshot.decode(unpackRecord(part!.value));
  const { value: target } = snapshot.routes[0]!.backend as { value: { functionUid: string } };
  const functions = await platform.bucket("functions");
  const version = FunctionVersionRecord.decode(
    unpackRecord((await functions.get(KEYS.functionVersion(target.functionUid, 1)))!.value),
  );
  assert.equal(platform.openSecret(version.sealedSecrets.S!, `function-secret|${target.functionUid}|S`), "x");
});

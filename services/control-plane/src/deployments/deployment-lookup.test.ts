import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DeploymentLookupServiceService } from "@millrace/proto/control/v1/internal";
import { createGroup, createProject } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";

const { client, authIdentity } = await startControlPlane({ after });
await createProject(client, "shop");
const { name: group, label } = await createGroup(client, "shop", "store");
const lookUp = async (name: string, token?: string) =>
  client.call(
    DeploymentLookupServiceService.lookupDeployment,
    { name },
    {
      token: token ?? (await authIdentity.tokenFor("control-plane")),
    },
  );

test("auth finds the first label of a deployment's host", async () => {
  assert.equal((await lookUp(`${group}/deployments/online`)).hostLabel, label);
  assert.equal((await lookUp(`${group}/deployments/test`)).hostLabel, `${label}-test`);
});

test("what does not exist is not found as a deployment, whichever part of its name is wrong", async () => {
  const missing = ["projects/shop/groups/none/deployments/online", "projects/none/groups/store/deployments/online"];
  for (const name of missing) await refused(lookUp(name), "not_found", "deployment_not_found");
  await refusedFields(lookUp(`${group}/deployments/production`), ["name"]);
});

test("no person may ask, not even an operator", async () => {
  const name = `${group}/deployments/online`;
  for (const token of ["ada", "root"]) await refused(lookUp(name, token), "permission_denied", "permission_denied");
  const otherAudience = await authIdentity.tokenFor("gateway");
  await refused(lookUp(name, otherAudience), "unauthenticated", "token_invalid");
});

import { after, test } from "node:test";
import { Role } from "@millrace/proto/auth/v1/people";
import { ROLES } from "@millrace/rpc";
import { ACCESS } from "./access.ts";
import { createProject } from "./testing/calls.ts";
import { refused } from "./testing/expect.ts";
import { startControlPlane } from "./testing/test-control-plane.ts";

const { client, auth } = await startControlPlane({ after });

const empty = { requestSerialize: (bytes: Buffer) => bytes, responseDeserialize: (bytes: Buffer) => bytes };
const named = (value: string) => Buffer.concat([Buffer.from([0x0a, value.length]), Buffer.from(value)]);

test("without a credential no method is served", async () => {
  for (const [path, { who }] of Object.entries(ACCESS)) {
    if (path.endsWith("/UploadCode")) continue;
    // What operators do need not begin with a name.
    const request = who === "operator" ? Buffer.alloc(0) : named("projects/shop");
    const call = client.call({ path, ...empty }, request, { token: " " });
    await refused(call, "unauthenticated", "credential_missing");
  }
});

test("a member whose role is too low is denied, and a stranger finds no project, in every method of a project", async () => {
  await createProject(client, "shop");
  auth.addPerson("low");
  const messages = { viewer: Role.VIEWER, developer: Role.DEVELOPER, owner: Role.OWNER };
  for (const [path, access] of Object.entries(ACCESS)) {
    if (access.who !== "member" || path.endsWith("/UploadCode")) continue;
    const call = (token: string) => client.call({ path, ...empty }, named("projects/shop"), { token });
    await refused(call("eve"), "not_found", "project_not_found");
    const below = ROLES[ROLES.indexOf(access.role) - 1];
    if (below === undefined) continue;
    auth.addPerson(`low-${below}`);
    auth.grant(`low-${below}`, "shop", messages[below]);
    await refused(call(`low-${below}`), "permission_denied", "permission_denied");
  }
});

test("what operators do is denied to others", async () => {
  for (const [path, access] of Object.entries(ACCESS)) {
    if (access.who !== "operator") continue;
    await refused(client.call({ path, ...empty }, Buffer.alloc(0)), "permission_denied", "permission_denied");
  }
});

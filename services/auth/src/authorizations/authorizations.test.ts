import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { KEYS } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import { AuthorizationServiceService, KeyKind } from "@millrace/proto/auth/v1/authorizations";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { type AuthUnderTest, authUnderTest, refusal, whileUncommitted } from "../auth-fixture.ts";
import { insertAuthorization, lockKeyKind } from "./authorization-store.ts";
import { DeploymentClient } from "./deployment-client.ts";

const {
  createAuthorization: create,
  listAuthorizations: list,
  deleteAuthorization: remove,
  listCallableDeployments: callable,
} = AuthorizationServiceService;
const { createAccessKey, deleteAccessKey } = AccessKeyServiceService;
const { createSubscriptionKey } = SubscriptionKeyServiceService;
const { forgetGroup, forgetProject } = IdentityServiceService;

/** A provider with a deployment, and a caller in another project with a key of each kind. */
async function providerAndCaller(auth: AuthUnderTest) {
  const [provider, caller] = [await auth.ownedProject(), await auth.ownedProject()];
  const made = { parent: caller.parent, displayName: "app" };
  const { accessKey } = await auth.call(createAccessKey, made, caller.token);
  const { subscriptionKey } = await auth.call(createSubscriptionKey, made, caller.token);
  const parent = `${provider.parent}/groups/petstore/deployments/test`;
  return { provider, caller, accessKey: accessKey!, subscriptionKey: subscriptionKey!, parent };
}

test("a provider authorises keys of another project; both sides see it", async (t) => {
  const auth = await authUnderTest(t);
  const { provider, caller, accessKey, subscriptionKey, parent } = await providerAndCaller(auth);
  const request = { parent, keyId: accessKey.keyId, note: "for Ada's app", requestId: randomUUID() };
  const made = await auth.call(create, request, provider.token);
  assert.equal(made.name, `${parent}/authorizations/${accessKey.keyId}`);
  assert.equal(made.keyKind, KeyKind.ACCESS_KEY);
  assert.deepEqual(await auth.call(create, request, provider.token), made);
  await auth.call(create, { parent, keyId: subscriptionKey.keyId }, provider.token);
  const { authorizations } = await auth.call(list, { parent }, provider.token);
  assert.deepEqual(
    authorizations.map(({ keyId, note }) => [keyId, note]),
    [
      [accessKey.keyId, "for Ada's app"],
      [subscriptionKey.keyId, ""],
    ],
  );
  const first = await auth.call(callable, { parent: caller.parent, pageSize: 1 }, caller.token);
  const pageToken = first.nextPageToken;
  const rest = await auth.call(callable, { parent: caller.parent, pageSize: 1, pageToken }, caller.token);
  const seen = [...first.callableDeployments, ...rest.callableDeployments];
  assert.deepEqual(
    seen.map(({ deployment, keyKind }) => [deployment, keyKind]),
    [
      [parent, KeyKind.ACCESS_KEY],
      [parent, KeyKind.SUBSCRIPTION_KEY],
    ],
  );
  assert.deepEqual((await auth.call(callable, { parent: provider.parent }, provider.token)).callableDeployments, []);
});

test("a second authorisation, an unknown key and faulty fields are refused", async (t) => {
  const auth = await authUnderTest(t);
  const { provider, caller, accessKey, parent } = await providerAndCaller(auth);
  await auth.call(create, { parent, keyId: accessKey.keyId }, provider.token);
  const again = auth.call(create, { parent, keyId: accessKey.keyId }, provider.token);
  await assert.rejects(again, refusal("already_exists", "authorization_exists"));
  const unknown = auth.call(create, { parent, keyId: "MR000000000000000000" }, provider.token);
  await assert.rejects(unknown, refusal("not_found", "key_not_found"));
  const faulty = { parent: `${provider.parent}/groups/petstore`, keyId: "?", note: "x".repeat(257), requestId: "?" };
  await assert.rejects(
    auth.call(create, faulty, provider.token),
    refusal("invalid_argument", "request_invalid", ["parent", "key_id", "note", "request_id"]),
  );
  const foreign = auth.call(create, { parent, keyId: accessKey.keyId }, caller.token);
  await assert.rejects(foreign, refusal("not_found", "project_not_found"));
});

test("an unknown deployment is not found; a control-plane that is away is said, and is not the caller's fault", async (t) => {
  let failure = new PlatformError("not_found", "There is no such deployment.", { reason: "deployment_not_found" });
  const deployments = new DeploymentClient({ call: async () => Promise.reject(failure) });
  const auth = await authUnderTest(t, { deployments });
  const { provider, accessKey, parent } = await providerAndCaller(auth);
  const asked = () => auth.call(create, { parent, keyId: accessKey.keyId }, provider.token);
  await assert.rejects(asked(), refusal("not_found", "deployment_not_found"));
  for (const code of ["unavailable", "deadline_exceeded", "unauthenticated", "permission_denied"] as const) {
    failure = new PlatformError(code, "no", { reason: "rpc_failed" });
    await assert.rejects(asked(), refusal("unavailable", "control_plane_unavailable"));
  }
});

test("an authorisation is deleted by the provider, or with its key, its group and either project", async (t) => {
  const auth = await authUnderTest(t);
  const controlPlane = await auth.as("control-plane");
  const { provider, caller, accessKey, subscriptionKey, parent } = await providerAndCaller(auth);
  const authorize = (keyId: string) => auth.call(create, { parent, keyId }, provider.token);
  const count = async () => (await auth.call(list, { parent }, auth.operatorToken)).authorizations.length;

  const { name } = await authorize(accessKey.keyId);
  await auth.call(remove, { name }, provider.token);
  await assert.rejects(auth.call(remove, { name }, provider.token), refusal("not_found", "authorization_not_found"));

  await authorize(accessKey.keyId);
  await auth.call(deleteAccessKey, { name: accessKey.name }, caller.token);
  assert.equal(await count(), 0);

  await authorize(subscriptionKey.keyId);
  for (const group of ["other", "petstore"]) {
    assert.equal(await count(), 1);
    await auth.call(forgetGroup, { group: `${provider.parent}/groups/${group}` }, controlPlane);
  }
  assert.equal(await count(), 0);

  await authorize(subscriptionKey.keyId);
  await auth.call(forgetProject, { project: caller.parent }, controlPlane);
  assert.equal(await count(), 0);
  await auth.call(forgetProject, { project: caller.parent }, controlPlane);
  const gone = auth.call(MemberServiceService.listMembers, { parent: caller.parent }, caller.token);
  await assert.rejects(gone, refusal("not_found", "project_not_found"));
});

test("a key that is deleted while it is being authorised is not found", async (t) => {
  const auth = await authUnderTest(t);
  const { provider, accessKey, parent } = await providerAndCaller(auth);
  const { sql } = auth.database;
  const result = await whileUncommitted(
    sql,
    (tx) => tx`delete from access_keys where key_id = ${accessKey.keyId}`,
    () => auth.call(create, { parent, keyId: accessKey.keyId }, provider.token),
  );
  assert.ok(result.status === "rejected");
  refusal("not_found", "key_not_found")(result.reason);
});

test("a key that is being authorised while it is deleted takes the new authorisation along", async (t) => {
  const auth = await authUnderTest(t);
  const { provider, caller, accessKey, parent } = await providerAndCaller(auth);
  const { sql } = auth.database;
  const key = { projectId: provider.project, keyId: accessKey.keyId };
  const result = await whileUncommitted(
    sql,
    async (tx) => {
      await lockKeyKind(tx, key.keyId);
      const place = { groupId: "petstore", environment: "test", hostLabel: "late", note: "", createdAt: new Date() };
      await insertAuthorization(tx, { ...key, ...place, keyKind: "access" });
    },
    () => auth.call(deleteAccessKey, { name: accessKey.name }, caller.token),
  );
  assert.equal(result.status, "fulfilled");
  assert.deepEqual((await auth.call(list, { parent }, provider.token)).authorizations, []);
  const marks = await sql`select 1 from outbox where key = ${KEYS.authorization("late", key.keyId)}`;
  assert.equal(marks.length, 1);
});

test("an authorisation that was made while its group was deleted gives way to those of the group made anew", async (t) => {
  let label = "former";
  let answers: string[] = [];
  const auth = await authUnderTest(t, { deployments: { hostLabelOf: async () => answers.shift() ?? label } });
  const { provider, accessKey, subscriptionKey, parent } = await providerAndCaller(auth);
  const authorize = (keyId: string) => auth.call(create, { parent, keyId }, provider.token);
  // Nobody has told auth to forget the group after these.
  await authorize(accessKey.keyId);
  await authorize(subscriptionKey.keyId);
  label = "latter";
  await authorize(accessKey.keyId);
  const { authorizations } = await auth.call(list, { parent }, provider.token);
  assert.deepEqual(
    authorizations.map(({ keyId }) => keyId),
    [accessKey.keyId],
  );
  const { sql } = auth.database;
  const marks = await sql`select 1 from outbox where key = ${KEYS.authorization("latter", accessKey.keyId)}`;
  assert.equal(marks.length, 1);
  await assert.rejects(authorize(accessKey.keyId), refusal("already_exists", "authorization_exists"));
  // One that had looked the former group up comes last, and takes nothing away.
  answers = ["former"];
  await assert.rejects(authorize(subscriptionKey.keyId), refusal("aborted", "deployment_changed"));
  assert.equal((await auth.call(list, { parent }, provider.token)).authorizations.length, 1);
});

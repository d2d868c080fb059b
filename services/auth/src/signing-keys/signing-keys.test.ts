import assert from "node:assert/strict";
import { test } from "node:test";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { deriveKey, PROFILES } from "@millrace/signing";
import { authUnderTest, refusal } from "../auth-fixture.ts";
import { SIGNING_SCOPES } from "../limits.ts";

const { deriveSigningKeys } = IdentityServiceService;
const { createAccessKey, updateAccessKey } = AccessKeyServiceService;
const ALGORITHMS = ["AWS4-HMAC-SHA256", "JDCLOUD2-HMAC-SHA256", "JDCLOUD3-HMAC-SHA256"] as const;
const TODAY = new Date("2026-03-01T12:00:00Z");

async function withKey(t: Parameters<typeof authUnderTest>[0]) {
  const auth = await authUnderTest(t);
  auth.clock.now = TODAY;
  const { parent, token } = await auth.ownedProject();
  const { accessKey, secret } = await auth.call(createAccessKey, { parent, displayName: "ci" }, token);
  const gateway = await auth.as("gateway");
  const { name, keyId } = accessKey!;
  const scope = { keyId, algorithm: "AWS4-HMAC-SHA256", date: "20260301", region: "local-1", service: "abc-test" };
  return { auth, token, gateway, name, secret, scope };
}

test("derived keys are those of the secret that was shown, for each profile and day", async (t) => {
  const { auth, gateway, secret, scope } = await withKey(t);
  const dates = ["20260228", "20260301", "20260302"];
  const scopes = ALGORITHMS.flatMap((algorithm) => dates.map((date) => ({ ...scope, algorithm, date })));
  const { keys } = await auth.call(deriveSigningKeys, { scopes }, gateway);
  assert.deepEqual(
    keys.map(({ scope }) => scope),
    scopes,
  );
  for (const { scope: one, key } of keys) {
    const profile = PROFILES[one!.algorithm as (typeof ALGORITHMS)[number]];
    assert.deepEqual(Buffer.from(key), deriveKey(profile, secret, one!));
  }
  assert.ok(!JSON.stringify(keys).includes(secret));
});

test("unknown and disabled keys are left out", async (t) => {
  const { auth, token, gateway, name, scope } = await withKey(t);
  const scopes = [scope, { ...scope, keyId: "MR000000000000000000" }];
  assert.equal((await auth.call(deriveSigningKeys, { scopes }, gateway)).keys.length, 1);
  await auth.call(updateAccessKey, { name, disabled: true }, token);
  assert.deepEqual((await auth.call(deriveSigningKeys, { scopes }, gateway)).keys, []);
  await auth.call(updateAccessKey, { name, disabled: false }, token);
  assert.equal((await auth.call(deriveSigningKeys, { scopes }, gateway)).keys.length, 1);
});

test("control-plane learns the ids of a project's keys, also of disabled ones, and nobody else does", async (t) => {
  const { auth, token, gateway, name, scope } = await withKey(t);
  const { listAccessKeyIds } = IdentityServiceService;
  const controlPlane = await auth.as("control-plane");
  const project = name.split("/accessKeys/")[0]!;
  assert.deepEqual(await auth.call(listAccessKeyIds, { project }, controlPlane), { keyIds: [scope.keyId] });
  await auth.call(updateAccessKey, { name, disabled: true }, token);
  assert.deepEqual(await auth.call(listAccessKeyIds, { project }, controlPlane), { keyIds: [scope.keyId] });
  const other = await auth.call(listAccessKeyIds, { project: "projects/other" }, controlPlane);
  assert.deepEqual(other, { keyIds: [] });
  const malformed = auth.call(listAccessKeyIds, { project: "shop" }, controlPlane);
  await assert.rejects(malformed, refusal("invalid_argument", "request_invalid", ["project"]));
  for (const bearer of [token, gateway]) {
    const denied = refusal("permission_denied", "permission_denied");
    await assert.rejects(auth.call(listAccessKeyIds, { project }, bearer), denied);
  }
});

test("a date beyond yesterday and tomorrow, an unknown algorithm and too many scopes are refused", async (t) => {
  const { auth, gateway, scope } = await withKey(t);
  const derive = (...scopes: (typeof scope)[]) => auth.call(deriveSigningKeys, { scopes }, gateway);
  const invalid = (...fields: string[]) => refusal("invalid_argument", "request_invalid", fields);
  for (const date of ["20260227", "20260303", "2026-03-01", ""]) {
    await assert.rejects(derive(scope, { ...scope, date }), invalid("scopes[1].date"));
  }
  const faulty = { keyId: "?", algorithm: "AWS4", date: "", region: "", service: "x".repeat(65) };
  const fields = ["key_id", "algorithm", "date", "region", "service"].map((field) => `scopes[0].${field}`);
  await assert.rejects(derive(faulty), invalid(...fields));
  const many = Array.from({ length: SIGNING_SCOPES.perCallMax + 1 }, () => scope);
  await assert.rejects(derive(...many), invalid("scopes"));
  assert.equal((await derive(...many.slice(1))).keys.length, SIGNING_SCOPES.perCallMax);
});

test("only gateways get derived keys", async (t) => {
  const { auth, token, scope } = await withKey(t);
  const denied = refusal("permission_denied", "permission_denied");
  for (const bearer of [token, auth.operatorToken, await auth.as("control-plane"), await auth.as("console")]) {
    await assert.rejects(auth.call(deriveSigningKeys, { scopes: [scope] }, bearer), denied);
  }
});

test("a secret whose row was moved to another key does not open", async (t) => {
  const { auth, gateway, scope } = await withKey(t);
  const other = await auth.ownedProject();
  await auth.call(createAccessKey, { parent: other.parent, displayName: "other" }, other.token);
  await auth.database.sql`
    update access_keys
    set sealed_secret = (select sealed_secret from access_keys where key_id <> ${scope.keyId})
    where key_id = ${scope.keyId}`;
  await assert.rejects(auth.call(deriveSigningKeys, { scopes: [scope] }, gateway), refusal("internal", "internal"));
});

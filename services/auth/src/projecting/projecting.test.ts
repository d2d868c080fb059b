import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { connectBus, ensureBus, KEYS, openBucket, unpackRecord } from "@millrace/bus";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { AccessKeyRecord, AuthorizationRecord, SubscriptionKeyRecord } from "@millrace/proto/release/v1/release";
import { type Owner, testNats, until } from "@millrace/testing";
import { authUnderTest, refusal } from "../auth-fixture.ts";
import { GrantsBus } from "./grants-bus.ts";

const silent = { info() {}, warn() {} };
const { createAccessKey, updateAccessKey, deleteAccessKey } = AccessKeyServiceService;
const { createSubscriptionKey, deleteSubscriptionKey } = SubscriptionKeyServiceService;
const { createAuthorization, deleteAuthorization } = AuthorizationServiceService;
const { reprojectGrants, forgetProject } = IdentityServiceService;

/**
 * The service with its relay, which may touch only what NATS allows auth; `get` reads the bucket as anybody. It is disposed of within the
 * test, since NATS and the database go right after it.
 */
async function setUp(t: Owner & Parameters<typeof authUnderTest>[0], { bucketMade = true } = {}) {
  const identity = { service: "auth", id: "auth-1" } as const;
  const nats = await testNats(t, { identities: [identity] });
  const anyone = { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "test" } } as const;
  const connection = await connectBus(anyone, silent);
  t.after(() => connection.close());
  let bus: GrantsBus | undefined;
  const auth = await authUnderTest(t, {
    deployments: { hostLabelOf: async () => "abc123abc123-test" },
    bucketKeys: () => bus!.keys(),
  });
  const { sql, schema } = auth.database;
  bus = new GrantsBus({ sql, schema, url: nats.url, seed: nats.seedOf(identity), log: silent });
  if (bucketMade) await ensureBus(connection);
  bus.start();
  const open = () => openBucket(connection, "grants");
  const get = async (key: string) => {
    const entry = await (await open()).get(key);
    return entry?.operation === "PUT" ? unpackRecord(entry.value) : undefined;
  };
  const gone = (key: string) => until(async () => (await get(key)) === undefined);
  const { project, parent, token } = await auth.ownedProject();
  const newKey = async () => (await auth.call(createAccessKey, { parent, displayName: "ci" }, token)).accessKey!;
  const dispose = { [Symbol.asyncDispose]: () => bus.close() };
  return { auth, nats, connection, bus, open, get, gone, project, parent, token, newKey, ...dispose };
}

test("an access key appears with its state, changes and disappears", async (t) => {
  await using setup = await setUp(t);
  const { auth, get, gone, project, token, newKey } = setup;
  const { name, keyId } = await newKey();
  const key = KEYS.accessKey(keyId);
  const bytes = await until(() => get(key));
  assert.deepEqual(AccessKeyRecord.decode(bytes), { keyId, project, disabled: false });
  await auth.call(updateAccessKey, { name, disabled: true }, token);
  await until(async () => AccessKeyRecord.decode((await get(key))!).disabled);
  await auth.call(deleteAccessKey, { name }, token);
  await gone(key);
});

test("a subscription key is found by its hash, and its value is nowhere in the bucket", async (t) => {
  await using setup = await setUp(t);
  const { auth, get, gone, project, parent, token } = setup;
  const { subscriptionKey, value } = await auth.call(createSubscriptionKey, { parent, displayName: "m" }, token);
  const key = KEYS.subscriptionKey(hash("sha256", value));
  const bytes = await until(() => get(key));
  assert.deepEqual(SubscriptionKeyRecord.decode(bytes), { keyId: subscriptionKey!.keyId, project, disabled: false });
  await auth.call(deleteSubscriptionKey, { name: subscriptionKey!.name }, token);
  await gone(key);
});

test("an authorisation reaches the bucket, and its revocation does so within a second", async (t) => {
  await using setup = await setUp(t);
  const { auth, get, gone, parent, token, newKey } = setup;
  const { keyId } = await newKey();
  const key = KEYS.authorization("abc123abc123-test", keyId);
  const deployment = `${parent}/groups/petstore/deployments/test`;
  const { name } = await auth.call(createAuthorization, { parent: deployment, keyId }, token);
  const bytes = await until(() => get(key));
  assert.deepEqual(AuthorizationRecord.decode(bytes), { hostLabel: "abc123abc123-test", keyId });
  await auth.call(deleteAuthorization, { name }, token);
  await until(async () => (await get(key)) === undefined, { timeoutMs: 1_000 });

  await auth.call(createAuthorization, { parent: deployment, keyId }, token);
  await until(() => get(key));
  await auth.call(forgetProject, { project: parent }, await auth.as("control-plane"));
  await gone(key);
  await gone(KEYS.accessKey(keyId));
});

test("while NATS is away keys are made all the same, and appear when it is back", async (t) => {
  await using setup = await setUp(t);
  const { auth, nats, bus, get, newKey } = setup;
  await until(() => bus.relaying);
  await nats.server.stop();
  const { keyId } = await newKey();
  await nats.server.start();
  await until(() => get(KEYS.accessKey(keyId)).catch(() => undefined), { timeoutMs: 15_000 });
  await until(async () => (await auth.database.sql`select 1 from outbox`).length === 0);
});

test("a bucket that control-plane makes later is filled then", async (t) => {
  await using setup = await setUp(t, { bucketMade: false });
  const { connection, bus, get, newKey, auth } = setup;
  const { keyId } = await newKey();
  const reproject = auth.call(reprojectGrants, {}, await auth.as("control-plane"));
  await assert.rejects(reproject, refusal("unavailable", "bus_unavailable"));
  assert.equal(bus.relaying, false);
  await ensureBus(connection);
  await until(() => get(KEYS.accessKey(keyId)));
});

test("a bus that has lost everything is filled again when it is back", async (t) => {
  await using setup = await setUp(t);
  const { nats, connection, get, newKey } = setup;
  const { keyId } = await newKey();
  await until(() => get(KEYS.accessKey(keyId)));
  await connection.request("$JS.API.STREAM.DELETE.KV_grants");
  await nats.server.restart();
  await until(() => ensureBus(connection).then(() => true), { timeoutMs: 15_000 });
  await until(() => get(KEYS.accessKey(keyId)), { timeoutMs: 15_000 });
});

test("reprojecting restores what is missing and deletes what no row stands behind", async (t) => {
  await using setup = await setUp(t);
  const { auth, open, get, gone, newKey, token, parent } = setup;
  const { keyId } = await newKey();
  await auth.call(createSubscriptionKey, { parent, displayName: "m" }, token);
  const deployment = `${parent}/groups/petstore/deployments/test`;
  await auth.call(createAuthorization, { parent: deployment, keyId }, token);
  const key = KEYS.accessKey(keyId);
  await until(() => get(key));
  const bucket = await open();
  await bucket.purge(key);
  const strangers = [KEYS.accessKey("MRGONE"), KEYS.authorization("old", keyId), "something.else"];
  for (const stranger of strangers) await bucket.put(stranger, "x");
  const { entries } = await auth.call(reprojectGrants, {}, await auth.as("control-plane"));
  assert.equal(entries, 3);
  for (const stranger of strangers) await gone(stranger);
  await until(() => get(key));
  await assert.rejects(auth.call(reprojectGrants, {}, token), refusal("permission_denied", "permission_denied"));
});

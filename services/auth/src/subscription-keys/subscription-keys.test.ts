import assert from "node:assert/strict";
import { hash, randomUUID } from "node:crypto";
import { test } from "node:test";
import { SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { authUnderTest, refusal } from "../auth-fixture.ts";
import { QUOTAS } from "../limits.ts";

const {
  createSubscriptionKey: create,
  getSubscriptionKey: get,
  listSubscriptionKeys: list,
  updateSubscriptionKey: update,
  deleteSubscriptionKey: remove,
} = SubscriptionKeyServiceService;

test("a key's value is shown once and kept as its hash", async (t) => {
  const { call, ownedProject, database } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const request = { parent, displayName: "mobile", requestId: randomUUID() };
  const first = await call(create, request, token);
  assert.match(first.value, /^[0-9a-f]{32}$/);
  const second = await call(create, request, token);
  assert.deepEqual([second.subscriptionKey, second.value], [first.subscriptionKey, ""]);
  const [row] = await database.sql<{ keyHash: string }[]>`select * from subscription_keys`;
  assert.equal(row!.keyHash, hash("sha256", first.value));
  assert.ok(!JSON.stringify(row).includes(first.value));
});

test("a key is listed, renamed, disabled and deleted; in another project it is not found", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const [mine, other] = [await ownedProject(), await ownedProject()];
  const { subscriptionKey } = await call(create, { parent: mine.parent, displayName: "mobile" }, mine.token);
  const { name, etag, keyId } = subscriptionKey!;
  assert.deepEqual((await call(list, { parent: mine.parent }, mine.token)).subscriptionKeys, [subscriptionKey]);
  const foreign = `${other.parent}/subscriptionKeys/${keyId}`;
  await assert.rejects(call(get, { name: foreign }, other.token), refusal("not_found", "subscription_key_not_found"));
  const updated = await call(update, { name, displayName: "web", disabled: true, etag }, mine.token);
  assert.deepEqual([updated.displayName, updated.disabled], ["web", true]);
  await assert.rejects(call(remove, { name, etag }, mine.token), refusal("aborted", "etag_mismatch"));
  await call(remove, { name }, mine.token);
  await assert.rejects(call(get, { name }, mine.token), refusal("not_found", "subscription_key_not_found"));
});

test("a project's quota of keys holds when many are made at once, and their names are unique", async (t) => {
  const { call, ownedProject } = await authUnderTest(t);
  const { parent, token } = await ownedProject();
  const many = Array.from({ length: QUOTAS.subscriptionKeysPerProject + 3 }, (_, i) =>
    call(create, { parent, displayName: `key ${i}` }, token),
  );
  const refused = (await Promise.allSettled(many)).flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.equal(refused.length, 3);
  for (const error of refused) refusal("resource_exhausted", "subscription_key_quota")(error);
  const [key] = (await call(list, { parent }, token)).subscriptionKeys;
  await call(remove, { name: key!.name }, token);
  await call(create, { parent, displayName: "free again" }, token);
  const keys = (await call(list, { parent }, token)).subscriptionKeys;
  const other = keys.find(({ displayName }) => displayName !== "free again")!;
  const taken = call(update, { name: other.name, displayName: "free again" }, token);
  await assert.rejects(taken, refusal("already_exists", "subscription_key_exists"));
});

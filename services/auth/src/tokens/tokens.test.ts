import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { authUnderTest, refusal, whileUncommitted } from "../auth-fixture.ts";
import { LIFETIMES, QUOTAS } from "../limits.ts";

const { createToken, listTokens, deleteToken } = TokenServiceService;
const { getMe, signOut } = PeopleServiceService;
const tokenInvalid = refusal("unauthenticated", "token_invalid");

test("a token works until it expires, and its last use is known", async (t) => {
  const { call, clock, joined } = await authUnderTest(t);
  const ada = await joined("ada@example.com");
  const { token, secret } = await call(createToken, { displayName: "ci", lifetimeSeconds: 60 }, ada.token);
  assert.match(secret, /^mrt_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/);
  assert.equal(token!.lastUsedAt, undefined);
  await call(getMe, {}, secret);
  assert.deepEqual((await call(listTokens, {}, ada.token)).tokens[0]!.lastUsedAt, clock.now);
  clock.now = new Date(token!.expiresAt!.getTime() - 1);
  await call(getMe, {}, secret);
  clock.now = token!.expiresAt!;
  await assert.rejects(call(getMe, {}, secret), tokenInvalid);
});

test("a lifetime just outside one minute to 365 days is refused, and none means 90 days", async (t) => {
  const { call, clock, joined } = await authUnderTest(t);
  const { token } = await joined("ada@example.com");
  const lasting = (lifetimeSeconds: number) => call(createToken, { displayName: "ci", lifetimeSeconds }, token);
  const day = 86_400;
  for (const seconds of [59, 365 * day + 1, -1]) {
    await assert.rejects(lasting(seconds), refusal("invalid_argument", "request_invalid", ["lifetime_seconds"]));
  }
  for (const seconds of [60, 365 * day]) await lasting(seconds);
  const made = await lasting(0);
  assert.equal(made.token!.expiresAt!.getTime() - clock.now.getTime(), LIFETIMES.tokenDefaultMs);
});

test("a repeated request answers the same token and no secret; the same id for another request is refused", async (t) => {
  const { call, joined } = await authUnderTest(t);
  const ada = await joined("ada@example.com");
  const request = { displayName: "ci", requestId: randomUUID() };
  const first = await call(createToken, request, ada.token);
  const second = await call(createToken, request, ada.token);
  assert.deepEqual([second.token, second.secret], [first.token, ""]);
  const reused = call(createToken, { ...request, displayName: "other" }, ada.token);
  await assert.rejects(reused, refusal("already_exists", "request_id_reused"));
  const faults = call(createToken, { requestId: "x", lifetimeSeconds: 1 }, ada.token);
  await assert.rejects(
    faults,
    refusal("invalid_argument", "request_invalid", ["display_name", "lifetime_seconds", "request_id"]),
  );
});

test("tokens are listed newest first to their owner only, who alone can delete them", async (t) => {
  const { call, clock, joined } = await authUnderTest(t);
  const [ada, bob] = [await joined("ada@example.com"), await joined("bob@example.com")];
  for (const displayName of ["one", "two", "three"]) {
    clock.now = new Date(clock.now.getTime() + 1_000);
    await call(createToken, { displayName }, ada.token);
  }
  const first = await call(listTokens, { pageSize: 2 }, ada.token);
  const rest = await call(listTokens, { pageSize: 2, pageToken: first.nextPageToken }, ada.token);
  const names = [...first.tokens, ...rest.tokens].map(({ displayName }) => displayName);
  assert.deepEqual(names, ["three", "two", "one"]);
  assert.deepEqual((await call(listTokens, {}, bob.token)).tokens, []);
  const { name } = first.tokens[0]!;
  await assert.rejects(call(deleteToken, { name }, bob.token), refusal("not_found", "token_not_found"));
  await call(deleteToken, { name }, ada.token);
  assert.equal((await call(listTokens, {}, ada.token)).tokens.length, 2);
  const foreign = call(listTokens, { pageToken: first.nextPageToken }, bob.token);
  await assert.rejects(foreign, refusal("invalid_argument", "request_invalid", ["page_token"]));
});

test("signing out with a token deletes it", async (t) => {
  const { call, joined } = await authUnderTest(t);
  const ada = await joined("ada@example.com");
  const { secret } = await call(createToken, { displayName: "ci" }, ada.token);
  await call(signOut, {}, secret);
  await assert.rejects(call(getMe, {}, secret), tokenInvalid);
  await call(getMe, {}, ada.token);
});

test("a person's quota of tokens holds when many are made at once", async (t) => {
  const { call, joined } = await authUnderTest(t);
  const { token } = await joined("ada@example.com");
  const many = Array.from({ length: QUOTAS.tokensPerPerson + 5 }, () => call(createToken, { displayName: "x" }, token));
  const results = await Promise.allSettled(many);
  const refused = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  assert.equal(refused.length, 5);
  for (const error of refused) refusal("resource_exhausted", "token_quota")(error);
});

test("whoever is disabled while making a token gets none", async (t) => {
  const { call, joined, database } = await authUnderTest(t);
  const ada = await joined("ada@example.com");
  const result = await whileUncommitted(
    database.sql,
    (tx) => tx`update people set disabled = true where person_id = ${ada.id}`,
    () => call(createToken, { displayName: "late" }, ada.token),
  );
  assert.ok(result.status === "rejected");
  tokenInvalid(result.reason);
});

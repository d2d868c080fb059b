/** What a caller of an authorised API is told when it is refused: each mistake has a reason of its own. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { type Algorithm, formatTimestamp, PROFILES } from "@millrace/signing";
import { assertRefused, type Expected, untilAnswer } from "./support/expect-answer.ts";
import { type Answer, type Call, send } from "./support/http.ts";
import { authorizeKey, createAccessKey, createSubscriptionKey, provision } from "./support/provision.ts";
import { ALGORITHMS, hostLabelOf, type SignedCall, sendSigned, signedCall } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";

const MINUTE_MS = 60_000;

const platform = await testPlatform();
const { rpc } = platform;
const ECHO = `export const handler = async (event) => ({ statusCode: 200, headers: {}, body: event.detail.body ?? "" });`;
const shop = await provision(rpc, {
  access: AccessMode.AUTHORIZED,
  functions: { echo: { code: ECHO } },
  apis: {
    readOrder: { method: "GET", path: "/orders/{id}", backend: "echo" },
    makeOrder: { method: "POST", path: "/orders", backend: "echo" },
    replaceOrder: { method: "PUT", path: "/orders", backend: "echo" },
  },
  environments: ["test", "online"],
});
const online = shop.deployment("online");
const accessKey = await createAccessKey(rpc, shop.project);
const subscriptionKey = await createSubscriptionKey(rpc, shop.project);
for (const environment of ["test", "online"] as const) {
  await authorizeKey(rpc, shop.deployment(environment).name, accessKey.keyId);
}
await authorizeKey(rpc, online.name, subscriptionKey.keyId);

const READ: SignedCall = { algorithm: "AWS4-HMAC-SHA256", key: accessKey, deployment: online, path: "/orders/7?a=1" };
const POST: SignedCall = { ...READ, method: "POST", path: "/orders", body: '{"pet":1}' };
await untilAnswer(() => sendSigned(READ));
await untilAnswer(() => sendSigned({ ...READ, deployment: shop.deployment("test") }));
await untilAnswer(() => send({ url: `${online.pathUrl}/orders/7`, headers: { "x-api-key": subscriptionKey.value } }));

/** A mistake is a call that was right, altered. */
const altered = (call: Call, change: Partial<Call>): Promise<Answer> => send({ ...call, ...change });

function without(call: Call, name: string): Promise<Answer> {
  const headers = Object.fromEntries(Object.entries(call.headers ?? {}).filter(([key]) => key !== name));
  return send({ ...call, headers });
}

const ago = (ms: number): Date => new Date(Date.now() - ms);

for (const algorithm of ALGORITHMS) {
  const read: SignedCall = { ...READ, algorithm };
  const post: SignedCall = { ...POST, algorithm };
  const names = PROFILES[algorithm].headers;
  const mistakes: Record<string, [mistake: () => Promise<Answer>, expected: Expected]> = {
    "a secret that is not the key's": [
      () => sendSigned({ ...read, key: { ...accessKey, secret: `${accessKey.secret}x` } }),
      { status: 401, reason: "signature_mismatch" },
    ],
    "a key that does not exist": [
      () => sendSigned({ ...read, key: { ...accessKey, keyId: `${accessKey.keyId.slice(0, -4)}ZZZZ` } }),
      { status: 401, reason: "credential_unknown" },
    ],
    "a body that was altered": [
      () => altered(signedCall(post), { body: '{"pet":2}' }),
      { status: 401, reason: "body_hash_mismatch" },
    ],
    "a path that was altered": [
      () => altered(signedCall(read), { url: `${online.pathUrl}/orders/8?a=1` }),
      { status: 401, reason: "signature_mismatch" },
    ],
    "a query that was altered": [
      () => altered(signedCall(read), { url: `${online.pathUrl}/orders/7?a=2` }),
      { status: 401, reason: "signature_mismatch" },
    ],
    "a query that was added": [
      () => altered(signedCall(read), { url: `${online.pathUrl}/orders/7?a=1&b=1` }),
      { status: 401, reason: "signature_mismatch" },
    ],
    "a method that was altered": [
      () => altered(signedCall(post), { method: "PUT" }),
      { status: 401, reason: "signature_mismatch" },
    ],
    "no Authorization header": [
      () => without(signedCall(read), "authorization"),
      { status: 401, reason: "credential_missing" },
    ],
    "no date": [
      () => without(signedCall(read), names.date),
      { status: 401, reason: "credential_missing", detail: new RegExp(names.date) },
    ],
    "a signed header that was not sent": [
      () => without(signedCall({ ...read, headers: { "x-shop": "1" } }), "x-shop"),
      { status: 401, reason: "signature_mismatch", detail: /x-shop/ },
    ],
    "a date of six minutes ago": [
      () => sendSigned({ ...read, now: ago(6 * MINUTE_MS) }),
      { status: 401, reason: "signature_expired" },
    ],
    "a date six minutes ahead": [
      () => sendSigned({ ...read, now: ago(-6 * MINUTE_MS) }),
      { status: 401, reason: "signature_expired" },
    ],
    "a signature for test that was sent to online": [
      () => sendSigned({ ...read, service: hostLabelOf(shop.deployment("test")) }),
      { status: 401, reason: "signature_mismatch", detail: new RegExp(hostLabelOf(online)) },
    ],
  };
  describe(algorithm, () => {
    test("a date of four minutes ago is still accepted", async () => {
      assert.equal((await sendSigned({ ...read, now: ago(4 * MINUTE_MS) })).status, 200);
    });
    for (const [title, [mistake, expected]] of Object.entries(mistakes)) {
      test(`${title} is ${expected.reason}`, async () => {
        assertRefused(await mistake(), expected);
      });
    }
    test("a nonce opens once, and the same nonce under another signature does not open either", async () => {
      const nonce = randomUUID();
      const call = signedCall({ ...post, nonce });
      assert.equal((await send(call)).status, 200);
      assertRefused(await send(call), { status: 401, reason: "nonce_reused" });
      const again = await sendSigned({ ...post, nonce, body: "other" });
      assertRefused(again, { status: 401, reason: "nonce_reused" });
    });
    test("a refused call does not use up its nonce", async () => {
      const nonce = randomUUID();
      const wrong = await sendSigned({ ...post, nonce, key: { ...accessKey, secret: "wrong" } });
      assertRefused(wrong, { status: 401, reason: "signature_mismatch" });
      assert.equal((await sendSigned({ ...post, nonce })).status, 200);
    });
  });
}

for (const algorithm of ["JDCLOUD2-HMAC-SHA256", "JDCLOUD3-HMAC-SHA256"] satisfies Algorithm[]) {
  test(`${algorithm} without its nonce is credential_missing`, async () => {
    const answer = await without(signedCall({ ...READ, algorithm }), "x-jdcloud-nonce");
    assertRefused(answer, { status: 401, reason: "credential_missing", detail: /x-jdcloud-nonce/ });
  });
}

test("a signature for one deployment's host does not open another through the Host header", async () => {
  const forTest = shop.deployment("test");
  const call = signedCall({ ...READ, deployment: forTest });
  const path = `${platform.gatewayUrl}/orders/7?a=1`;
  const answer = await altered(call, { url: path, headers: { ...call.headers, host: online.host } });
  assert.equal(answer.status, 401);
});

test("an Authorization header that is no signature says what is wrong with it", async () => {
  const today = formatTimestamp(Date.now());
  const { headers } = signedCall(READ);
  const scope = headers.authorization!.split("Credential=")[1]!.split(",")[0]!;
  const malformed: Record<string, [reason: string, detail: RegExp]> = {
    "Basic dXNlcjpwYXNz": ["credential_missing", /AWS4-HMAC-SHA256/],
    "AWS4-HMAC-SHA256": ["credential_missing", /Credential/],
    "AWS4-HMAC-SHA256 Credential=abc": ["signature_mismatch", /Credential/],
    [`AWS4-HMAC-SHA256 Credential=${scope}, Signature=${"0".repeat(64)}`]: ["credential_missing", /SignedHeaders/],
    [`AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date`]: ["credential_missing", /Signature/],
  };
  for (const [authorization, [reason, detail]] of Object.entries(malformed)) {
    const url = `${online.pathUrl}/orders/7`;
    const answer = await send({ url, headers: { authorization, "x-amz-date": today } });
    assertRefused(answer, { status: 401, reason, detail });
  }
});

test("a subscription key that does not exist is credential_unknown, in either header, also beside a good signature", async () => {
  for (const header of ["x-api-key", "jdcloud-apim-subscription-key"]) {
    const call = signedCall(READ);
    const answer = await send({ ...call, headers: { ...call.headers, [header]: "0".repeat(32) } });
    assertRefused(answer, { status: 401, reason: "credential_unknown" });
  }
});

test("a subscription key opens only the deployment that it is authorised for", async () => {
  const url = `${shop.deployment("test").pathUrl}/orders/7`;
  const answer = await send({ url, headers: { "x-api-key": subscriptionKey.value } });
  assertRefused(answer, { status: 403, reason: "not_authorized" });
});

test("a caller that was refused succeeds after the authorisation, with the same client and key", async () => {
  for (const algorithm of ALGORITHMS) {
    const key = await createAccessKey(rpc, shop.project);
    const call = (): Promise<Answer> => sendSigned({ ...READ, algorithm, key });
    const refused = await untilAnswer(call, 403);
    assertRefused(refused, { status: 403, reason: "not_authorized", detail: new RegExp(key.keyId) });
    await authorizeKey(rpc, online.name, key.keyId);
    await untilAnswer(call);
  }
});

test("a disabled key is refused, and opens again when it is enabled", async () => {
  const key = await createAccessKey(rpc, shop.project);
  const bearer = await createSubscriptionKey(rpc, shop.project);
  for (const { keyId } of [key, bearer]) await authorizeKey(rpc, online.name, keyId);
  const signed = (): Promise<Answer> => sendSigned({ ...READ, key });
  const borne = (): Promise<Answer> =>
    send({ url: `${online.pathUrl}/orders/7`, headers: { "x-api-key": bearer.value } });
  for (const call of [signed, borne]) await untilAnswer(call);
  const setDisabled = async (disabled: boolean): Promise<void> => {
    await rpc.call(AccessKeyServiceService.updateAccessKey, { name: key.name, disabled });
    await rpc.call(SubscriptionKeyServiceService.updateSubscriptionKey, { name: bearer.name, disabled });
  };
  await setDisabled(true);
  for (const call of [signed, borne]) {
    const refused = await untilAnswer(call, 401);
    assertRefused(refused, { status: 401, reason: "credential_unknown" });
  }
  await setDisabled(false);
  for (const call of [signed, borne]) await untilAnswer(call);
});

test("an offline deployment is deployment_offline, whoever calls", async () => {
  const name = shop.deployment("test").name;
  const call = (): Promise<Answer> => sendSigned({ ...READ, deployment: shop.deployment("test") });
  await untilAnswer(call);
  await rpc.call(DeploymentServiceService.takeOffline, { name });
  const refused = await untilAnswer(call, 403);
  assertRefused(refused, { status: 403, reason: "deployment_offline" });
  const nobody = await send({ url: `${shop.deployment("test").pathUrl}/orders/7` });
  assertRefused(nobody, { status: 403, reason: "deployment_offline" });
  assert.equal((await sendSigned(READ)).status, 200);
  await rpc.call(DeploymentServiceService.bringOnline, { name });
  await untilAnswer(call);
});

test("what is not there is told apart: deployment, route, method", async () => {
  const nowhere = await send({ url: `${platform.gatewayUrl}/~aaaaaaaaaaaa/online/orders/7` });
  assertRefused(nowhere, { status: 404, reason: "no_deployment" });
  const unreleased = await send({ url: `${platform.gatewayUrl}/~${shop.label}/preview/orders/7` });
  assertRefused(unreleased, { status: 404, reason: "no_deployment" });
  const headers = { "x-api-key": subscriptionKey.value };
  const route = await send({ url: `${online.pathUrl}/nothing`, headers });
  assertRefused(route, { status: 404, reason: "no_route" });
  const method = await send({ url: `${online.pathUrl}/orders`, method: "DELETE", headers });
  assertRefused(method, { status: 405, reason: "method_not_allowed" });
  assert.deepEqual(method.headers.allow?.split(/, ?/).sort(), ["POST", "PUT"]);
});

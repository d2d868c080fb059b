import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { PROFILES } from "@millrace/signing";
import { type Answer, type Ask, HOST, LABEL, REGION, signedHeaders, startGateway } from "../testing/gateway-fixture.ts";

// Every way in which a caller is refused, and every way in, over HTTP with a real Redis.

const gateway = await startGateway({ after });
const hello = {
  $case: "function" as const,
  value: { functionUid: "fn-hello", target: { $case: "version" as const, value: 1 }, eventFormat: "jd" },
};
const ROUTES = ["GET", "POST"].flatMap((method) =>
  ["/hello", "/hello/{name}"].map((path) => ({ apiName: "hello", method, path, backend: hello })),
);
await gateway.putVersion();
await gateway.release(ROUTES, { access: 2 });
const runner = await gateway.startRunner();
const key = await gateway.addAccessKey();
await gateway.authorize(key.keyId);
const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const JD2 = PROFILES["JDCLOUD2-HMAC-SHA256"];
const JD3 = PROFILES["JDCLOUD3-HMAC-SHA256"];
const last = () => runner.invocations.at(-1)!.invoke;

beforeEach(() => {
  gateway.clock.offsetMs = 0;
});

const seen = ({ status, problem }: Answer) => [status, problem.reason];

test("without a credential: 401 credential_missing", async () => {
  const answer = await gateway.ask();
  assert.deepEqual(seen(answer), [401, "credential_missing"]);
  assert.deepEqual(answer.problem.error, {
    code: 401,
    status: "ACCESS_ERROR",
    message: "There is no Authorization header.",
  });
});

test("a scheme that is none of ours: 401 credential_missing", async () => {
  assert.deepEqual(seen(await gateway.ask({ headers: { authorization: "Bearer x" } })), [401, "credential_missing"]);
});

for (const header of ["x-api-key", "jdcloud-apim-subscription-key"]) {
  test(`a subscription key in ${header} opens what it is authorised for, and does not reach the function`, async () => {
    const text = `subscription-in-${header}`;
    const keyId = await gateway.addSubscriptionKey(text);
    assert.deepEqual(seen(await gateway.ask({ headers: { [header]: text } })), [403, "not_authorized"]);
    await gateway.authorize(keyId);
    assert.equal((await gateway.ask({ headers: { [header]: text, authorization: "other" } })).status, 200);
    assert.deepEqual(last().identity, { keyId, accountId: "callers", authType: "subscription-key" });
    const { headers } = last();
    assert.ok(!headers.includes(text) && !headers.includes("other"));
    assert.equal(headers[headers.indexOf("x-jdcloud-pin") + 1], Buffer.from("callers").toString("base64"));
  });
}

test("a subscription key is looked at before a signature, and an unknown and a disabled one are answered alike", async () => {
  const signed = signedHeaders(AWS4, key, {});
  const unknown = await gateway.ask({ headers: { ...signed, "x-api-key": "nobody" } });
  assert.deepEqual(seen(unknown), [401, "credential_unknown"]);
  await gateway.authorize(await gateway.addSubscriptionKey("disabled-one", true));
  const disabled = await gateway.ask({ headers: { "x-api-key": "disabled-one" } });
  assert.deepEqual(seen(disabled), [401, "credential_unknown"]);
  assert.equal(disabled.problem.detail, unknown.problem.detail);
});

for (const profile of [AWS4, JD2, JD3]) {
  const name = profile.algorithm;
  const ask: Ask = {
    method: "POST",
    path: "/hello/r%C3%A9x?b=2&a=1%20x",
    headers: { "content-type": "text/plain" },
    body: "a body",
  };
  const signed = (over: Parameters<typeof signedHeaders>[3] = {}) => signedHeaders(profile, key, ask, over);
  const send = (headers: Record<string, string>, over: Partial<Ask> = {}) => gateway.ask({ ...ask, headers, ...over });
  const without = (header: string) => Object.fromEntries(Object.entries(signed()).filter(([one]) => one !== header));

  test(`${name}: a signed request is served, and its credential does not reach the function`, async () => {
    const answer = await send(signed());
    assert.equal(answer.status, 200, answer.body);
    assert.deepEqual(last().identity, { keyId: key.keyId, accountId: "callers", authType: "signature" });
    assert.equal(last().body.toString(), "a body");
    assert.ok(!last().headers.includes("authorization"));
  });

  test(`${name}: the path form is signed as it is sent, with the deployment as service`, async () => {
    const path = `/~${LABEL}/online/hello?x=1`;
    const headers = signedHeaders(profile, key, { path, host: "127.0.0.1" });
    assert.equal((await gateway.ask({ path, host: "127.0.0.1", headers })).status, 200);
  });

  test(`${name}: an altered path, query, method, header or body has its reason`, async () => {
    assert.deepEqual(seen(await send(signed(), { path: "/hello/rex?b=2&a=1%20x" })), [401, "signature_mismatch"]);
    assert.deepEqual(seen(await send(signed(), { path: "/hello/r%C3%A9x?b=2&a=1%20y" })), [401, "signature_mismatch"]);
    assert.deepEqual(seen(await send(signed(), { method: "GET", body: "a body" })), [401, "signature_mismatch"]);
    assert.deepEqual(seen(await send({ ...signed(), [profile.headers.nonce]: "another" })), [
      401,
      "signature_mismatch",
    ]);
    assert.deepEqual(seen(await send(signed(), { body: "a b0dy" })), [401, "body_hash_mismatch"]);
  });

  test(`${name}: an unknown and a disabled key are answered alike, a wrong secret otherwise`, async () => {
    const disabled = await gateway.addAccessKey(true);
    await gateway.authorize(disabled.keyId);
    for (const other of [{ keyId: "AKUNKNOWN1", secret: "x" }, disabled]) {
      const answer = await send(signedHeaders(profile, other, ask));
      assert.deepEqual(seen(answer), [401, "credential_unknown"]);
      assert.equal(answer.problem.detail, "The access key is not known, or it is disabled.");
    }
    const wrong = await send(signedHeaders(profile, { ...key, secret: "wrong" }, ask));
    assert.deepEqual(seen(wrong), [401, "signature_mismatch"]);
  });

  test(`${name}: a key without authorisation is refused, and served without a restart once it has one`, async () => {
    const other = await gateway.addAccessKey();
    const answer = await send(signedHeaders(profile, other, ask));
    assert.deepEqual(seen(answer), [403, "not_authorized"]);
    await gateway.authorize(other.keyId);
    assert.equal((await send(signedHeaders(profile, other, ask))).status, 200);
  });

  test(`${name}: five minutes of difference are accepted, a second more is not, and the detail says how much`, async () => {
    const at = (offsetMs: number) => signed({ now: new Date(Math.floor(Date.now() / 1_000) * 1_000 + offsetMs) });
    assert.equal((await send(at(-295_000))).status, 200);
    assert.equal((await send(at(299_000))).status, 200);
    const stale = await send(at(-302_000));
    assert.deepEqual(seen(stale), [401, "signature_expired"]);
    assert.match(stale.problem.detail, /30[1-3] s behind our clock/);
    const early = await send(at(305_000));
    assert.match(early.problem.detail, /30[3-5] s ahead of our clock/);
  });

  test(`${name}: a nonce is good once`, async () => {
    const headers = signed();
    assert.equal((await send(headers)).status, 200);
    assert.deepEqual(seen(await send(headers)), [401, "nonce_reused"]);
  });

  test(`${name}: a request that is refused does not use its nonce up`, async () => {
    const headers = signed();
    assert.deepEqual(seen(await send(headers, { body: "a b0dy" })), [401, "body_hash_mismatch"]);
    assert.equal((await send(headers)).status, 200);
  });

  test(`${name}: a missing date is credential_missing, and the detail names the header`, async () => {
    const answer = await send(without(profile.headers.date));
    assert.deepEqual(seen(answer), [401, "credential_missing"]);
    assert.match(answer.problem.detail, new RegExp(profile.headers.date));
  });

  test(`${name}: a signature for test does not open online, and the detail says the service expected`, async () => {
    const answer = await send(signed({ service: `${LABEL}-test` }));
    assert.deepEqual(seen(answer), [401, "signature_mismatch"]);
    assert.match(answer.problem.detail, new RegExp(`it is ${LABEL} here`));
    const region = await send(signed({ region: "elsewhere" }));
    assert.deepEqual(seen(region), [401, "signature_mismatch"]);
    assert.match(region.problem.detail, new RegExp(`it is ${REGION} here`));
  });

  test(`${name}: a body hash that is not one is refused, UNSIGNED-PAYLOAD too`, async () => {
    for (const value of ["UNSIGNED-PAYLOAD", "x"]) {
      assert.deepEqual(seen(await send({ ...signed(), [profile.headers.contentSha256]: value })), [
        401,
        "body_hash_mismatch",
      ]);
    }
  });
}

test("JD's profiles demand a nonce, AWS4 does not", async () => {
  for (const profile of [JD2, JD3]) {
    const { [profile.headers.nonce]: _, ...headers } = signedHeaders(profile, key, {});
    const answer = await gateway.ask({ headers });
    assert.deepEqual(seen(answer), [401, "credential_missing"]);
    assert.match(answer.problem.detail, /x-jdcloud-nonce/);
  }
});

test("AWS signers may sort repeated values and write a bare parameter with =; JD's profiles bind every byte and say so", async () => {
  for (const [sent, signed] of [
    ["/hello?a=2&a=1", "/hello?a=1&a=2"],
    ["/hello?flag", "/hello?flag="],
  ] as const) {
    const ask = (profile: typeof AWS4 | typeof JD3) =>
      gateway.ask({ path: sent, headers: signedHeaders(profile, key, { path: signed }) });
    assert.equal((await ask(AWS4)).status, 200);
    const refused = await ask(JD3);
    assert.deepEqual(seen(refused), [401, "signature_mismatch"]);
    assert.match(refused.problem.detail, /a query parameter has no "="|values out of order/);
  }
  const other = await gateway.ask({ path: "/hello?a=1", headers: signedHeaders(AWS4, key, { path: "/hello?a=2" }) });
  assert.deepEqual(seen(other), [401, "signature_mismatch"]);
});

test("a second gateway on the same Redis refuses a nonce that the first has seen", async () => {
  const { NoncesStore } = await import("./nonces-store.ts");
  const { connectRedis } = await import("./redis-connection.ts");
  const silent = { info() {}, warn() {} };
  const connections = [connectRedis(gateway.redis.url, silent), connectRedis(gateway.redis.url, silent)];
  await Promise.all(connections.map((one) => new Promise((resolve) => one.once("ready", resolve))));
  const [first, second] = connections.map((one) => new NoncesStore(one));
  const verdicts = await Promise.all([
    first!.remember("k", "n"),
    second!.remember("k", "n"),
    first!.remember("k2", "n"),
  ]);
  assert.deepEqual(verdicts.slice(0, 2).sort(), ["fresh", "reused"]);
  assert.equal(verdicts[2], "fresh", "another key's nonce is another one");
  for (const one of connections) one.disconnect();
});

test("the Host that is signed must be the one that is sent", async () => {
  const headers = signedHeaders(AWS4, key, { host: "other.example" });
  assert.deepEqual(seen(await gateway.ask({ host: HOST, headers })), [401, "signature_mismatch"]);
});

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PROFILES } from "@millrace/signing";
import { until } from "@millrace/testing";
import { signedHeaders, startGateway } from "../testing/gateway-fixture.ts";

// What callers see while auth or Redis is away.

const AWS4 = PROFILES["AWS4-HMAC-SHA256"];
const JD2 = PROFILES["JDCLOUD2-HMAC-SHA256"];
const DAY_MS = 86_400_000;
const mock = { $case: "mock" as const, value: { status: 200, body: Buffer.from("mocked") } };
const ROUTES = ["GET", "OPTIONS", "POST"].map((method) => ({ apiName: method, method, path: "/hello", backend: mock }));

async function setUp(t: TestContext) {
  const gateway = await startGateway(t);
  await gateway.release(ROUTES, { access: 2 });
  const key = await gateway.addAccessKey();
  await gateway.authorize(key.keyId);
  return { gateway, key };
}

test("auth away: everybody who is authorised goes on, for yesterday, today and tomorrow, in every profile", async (t) => {
  const { gateway, key } = await setUp(t);
  await until(() => gateway.app.keys.count === 9);
  gateway.auth.available = false;
  const calls = gateway.auth.calls;
  for (const offsetMs of [-DAY_MS, 0, DAY_MS]) {
    gateway.clock.offsetMs = offsetMs;
    for (const profile of Object.values(PROFILES)) {
      const now = new Date(Date.now() + offsetMs);
      const answer = await gateway.ask({ headers: signedHeaders(profile, key, {}, { now }) });
      assert.equal(answer.status, 200, answer.body);
    }
  }
  assert.equal(gateway.auth.calls, calls, "the warm path asks nobody");
});

test("auth away: a key that was not seen here answers 503 auth_unavailable, not 401, and is served when auth is back", async (t) => {
  const { gateway } = await setUp(t);
  await until(() => gateway.app.keys.count === 9);
  gateway.auth.available = false;
  const late = await gateway.addAccessKey();
  await gateway.authorize(late.keyId);
  const answer = await gateway.ask({ headers: signedHeaders(AWS4, late, {}) });
  assert.deepEqual(
    [answer.status, answer.problem.reason, answer.headers["retry-after"]],
    [503, "auth_unavailable", "5"],
  );
  gateway.auth.available = true;
  assert.equal((await gateway.ask({ headers: signedHeaders(AWS4, late, {}) })).status, 200);
  await until(() => gateway.app.keys.count === 18, { timeoutMs: 10_000 });
});

test("a key that grants knows and auth does not is credential_unknown, and auth is not asked for it again and again", async (t) => {
  const { gateway, key } = await setUp(t);
  gateway.auth.secrets.delete(key.keyId);
  const other = await gateway.addAccessKey();
  gateway.auth.secrets.delete(other.keyId);
  const first = await gateway.ask({ headers: signedHeaders(AWS4, other, {}) });
  assert.deepEqual([first.status, first.problem.reason], [401, "credential_unknown"]);
  const calls = gateway.auth.calls;
  for (let n = 0; n < 5; n++) await gateway.ask({ headers: signedHeaders(AWS4, other, {}) });
  assert.equal(gateway.auth.calls, calls);
});

for (const [how, disturb, heal] of [
  ["down", "stop", "start"],
  ["hanging", "SIGSTOP", "SIGCONT"],
] as const) {
  test(`Redis ${how}: safe signed requests pass, others get 503 replay_check_unavailable within 50 ms, the rest notices nothing`, async (t) => {
    const { gateway, key } = await setUp(t);
    await gateway.authorize(await gateway.addSubscriptionKey("sub"));
    await until(() => gateway.app.keys.count === 9);
    // Every path is warm before time is measured.
    for (const method of ["GET", "POST"]) await gateway.ask({ method, headers: signedHeaders(JD2, key, { method }) });

    if (disturb === "stop") await gateway.redis.server.stop();
    else process.kill(gateway.redis.server.pid!, disturb);
    t.after(() => {
      // Where the test failed, the server must run to be stopped.
      const { pid } = gateway.redis.server;
      if (heal === "SIGCONT" && pid !== undefined) process.kill(pid, heal);
    });
    if (disturb === "stop") await until(() => gateway.app.readiness().redis !== "ready");

    for (const method of ["GET", "OPTIONS"]) {
      assert.equal((await gateway.ask({ method, headers: signedHeaders(JD2, key, { method }) })).status, 200);
    }
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 5; n++) {
      const started = performance.now();
      const answer = await gateway.ask({ method: "POST", headers: signedHeaders(JD2, key, { method: "POST" }) });
      fastestMs = Math.min(fastestMs, performance.now() - started);
      assert.deepEqual(
        [answer.status, answer.problem.reason, answer.headers["retry-after"]],
        [503, "replay_check_unavailable", "1"],
      );
    }
    assert.ok(fastestMs < 50, `${fastestMs} ms`);
    assert.equal((await gateway.ask({ method: "POST", headers: { "x-api-key": "sub" } })).status, 200);
    const unsigned = signedHeaders(AWS4, key, { method: "POST" });
    assert.equal((await gateway.ask({ method: "POST", headers: unsigned })).problem.reason, "replay_check_unavailable");

    if (heal === "start") await gateway.redis.server.start();
    else process.kill(gateway.redis.server.pid!, heal);
    await until(
      async () =>
        (await gateway.ask({ method: "POST", headers: signedHeaders(JD2, key, { method: "POST" }) })).status === 200,
    );
  });
}

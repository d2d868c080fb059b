/**
 * Static stability: what is released keeps answering while the control side is down, and what Redis is for is refused, at once and
 * by name, while Redis is down.
 */
import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { until } from "@millrace/testing";
import { assertRefused, untilAnswer } from "./support/expect-answer.ts";
import { type Answer, send } from "./support/http.ts";
import {
  type AccessKeyPair,
  authorizeKey,
  createAccessKey,
  createSubscriptionKey,
  freshId,
  provision,
} from "./support/provision.ts";
import { ALGORITHMS, type SignedCall, sendSigned } from "./support/signed-call.ts";
import { metricOf, testPlatform } from "./support/test-platform.ts";

/** The promise is 50 ms; a shared machine gets some slack, and the number is printed. */
const REFUSAL_MS_MAX = 250;

const platform = await testPlatform();
const { rpc } = platform;
const ECHO = `export const handler = async ({ detail }) => ({ statusCode: 200, headers: {}, body: detail.httpMethod });`;
const apis = {
  read: { method: "GET", path: "/orders", backend: "echo" },
  make: { method: "POST", path: "/orders", backend: "echo" },
  look: { method: "HEAD", path: "/orders", backend: "echo" },
};
const functions = { echo: { code: ECHO } };
const open = (await provision(rpc, { functions, apis })).deployment();
const shop = await provision(rpc, { access: AccessMode.AUTHORIZED, functions, apis });
const closed = shop.deployment();
const used = await authorizedKey();
const unused = await authorizedKey();
const bearer = await createSubscriptionKey(rpc, shop.project);
await authorizeKey(rpc, closed.name, bearer.keyId);

async function authorizedKey(): Promise<AccessKeyPair> {
  const key = await createAccessKey(rpc, shop.project);
  await authorizeKey(rpc, closed.name, key.keyId);
  return key;
}

const engine = (name: "postgres" | "redis") => {
  const { process } = platform.engines[name];
  assert.ok(process !== undefined, `${name} is somebody else's; unset the variable that names it`);
  return process;
};

const nobody = (method = "GET"): Promise<Answer> => send({ method, url: `${open.pathUrl}/orders` });
const borne = (method = "GET"): Promise<Answer> =>
  send({ method, url: `${closed.pathUrl}/orders`, headers: { "x-api-key": bearer.value } });
const signed = (algorithm: SignedCall["algorithm"], key: AccessKeyPair, method = "GET"): Promise<Answer> =>
  sendSigned({ algorithm, key, deployment: closed, path: "/orders", method });

async function assertEverybodyServed(keys: readonly AccessKeyPair[]): Promise<void> {
  for (const method of ["GET", "POST"]) {
    assert.deepEqual([(await nobody(method)).status, (await borne(method)).status], [200, 200]);
    for (const algorithm of ALGORITHMS) {
      for (const key of keys) {
        const answer = await signed(algorithm, key, method);
        assert.equal(answer.status, 200, `${algorithm} ${method} with key ${keys.indexOf(key)}: ${answer.text}`);
      }
    }
  }
}

await untilAnswer(() => nobody());
await untilAnswer(() => borne());
for (const algorithm of ALGORITHMS) await untilAnswer(() => signed(algorithm, used));
// Signing keys are fetched ahead of time: of both access keys, for each algorithm, for yesterday, today and tomorrow.
await until(
  async () => (await metricOf(platform, "gateway-1", "millrace_gateway_derived_keys")) >= 2 * ALGORITHMS.length * 3,
  {
    timeoutMs: 10_000,
    message: "the gateway to hold the signing keys of a key that was never used",
  },
);

describe("with control-plane, auth and PostgreSQL stopped", () => {
  before(async () => {
    await Promise.all([platform.service("control-plane-1").stop(), platform.service("auth-1").stop()]);
    await engine("postgres").stop();
  });

  test("released APIs answer every kind of caller, also a key that has never signed before", async () => {
    await assertEverybodyServed([used, unused]);
  });

  test("refusals stay what they are", async () => {
    const wrong = await signed("AWS4-HMAC-SHA256", { ...used, secret: "wrong" });
    assertRefused(wrong, { status: 401, reason: "signature_mismatch" });
    const unknown = await signed("AWS4-HMAC-SHA256", { ...used, keyId: `${used.keyId.slice(0, -4)}ZZZZ` });
    assertRefused(unknown, { status: 401, reason: "credential_unknown" });
    assertRefused(await send({ url: `${closed.pathUrl}/orders` }), { status: 401, reason: "credential_missing" });
  });

  test("a gateway that starts meanwhile serves keyless and subscription callers, and says that it cannot check signatures", async () => {
    await platform.service("gateway-1").restart();
    await untilAnswer(() => nobody());
    await untilAnswer(() => borne());
    const answer = await signed("AWS4-HMAC-SHA256", used);
    assertRefused(answer, { status: 503, reason: "auth_unavailable" });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
  });

  test("a runner that starts meanwhile serves", async () => {
    await platform.service("runner-1").restart();
    await untilAnswer(() => nobody());
  });

  test("when all is back, changes are taken again and signatures are checked again", async () => {
    await engine("postgres").start();
    await Promise.all([platform.service("control-plane-1").start(), platform.service("auth-1").start()]);
    const made = await untilWritable();
    assert.match(made, /^projects\//);
    await untilAnswer(() => signed("AWS4-HMAC-SHA256", used), 200, { timeoutMs: 20_000 });
    const fresh = await authorizedKey();
    await untilAnswer(() => signed("JDCLOUD3-HMAC-SHA256", fresh));
    await assertEverybodyServed([used, unused, fresh]);
  });
});

async function untilWritable(): Promise<string> {
  const projectId = freshId("p");
  return until(
    async () => {
      const made = await rpc.call(ProjectServiceService.createProject, { projectId, requestId: crypto.randomUUID() });
      return made.name;
    },
    { timeoutMs: 20_000, message: "a project that can be made" },
  );
}

describe("with PostgreSQL alone stopped", () => {
  test("changes are refused as unavailable, in one line without details, and are taken again afterwards", async () => {
    await engine("postgres").stop();
    await assert.rejects(rpc.call(ProjectServiceService.createProject, { projectId: freshId("p") }), (error: Error) => {
      assert.match(String((error as Error & { code?: string }).code), /unavailable|unauthenticated/);
      assert.doesNotMatch(error.message, /postgres|127\.0\.0\.1|ECONN|\n/i);
      return true;
    });
    await assertEverybodyServed([used]);
    await engine("postgres").start();
    await untilWritable();
  });
});

/** Redis may be gone, or silent; neither may hold a caller up. */
const OUTAGES: Record<string, { begin: () => Promise<void>; end: () => Promise<void> }> = {
  stopped: { begin: () => engine("redis").stop(), end: () => engine("redis").start() },
  silent: {
    begin: async () => void process.kill(engine("redis").pid!, "SIGSTOP"),
    end: async () => void process.kill(engine("redis").pid!, "SIGCONT"),
  },
};

for (const [kind, { begin, end }] of Object.entries(OUTAGES)) {
  describe(`with Redis ${kind}`, () => {
    before(begin);

    test("keyless and subscription callers notice nothing", async () => {
      for (const method of ["GET", "POST"]) {
        assert.deepEqual([(await nobody(method)).status, (await borne(method)).status], [200, 200]);
      }
    });

    test("signed GET and HEAD pass", async () => {
      for (const algorithm of ALGORITHMS) {
        for (const method of ["GET", "HEAD"]) assert.equal((await signed(algorithm, used, method)).status, 200);
      }
    });

    test("other signed methods are refused at once, by name", async (t: TestContext) => {
      for (const algorithm of ALGORITHMS) {
        const answer = await signed(algorithm, used, "POST");
        assertRefused(answer, { status: 503, reason: "replay_check_unavailable" });
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        t.diagnostic(`${algorithm} POST is refused in ${answer.tookMs.toFixed(0)} ms`);
        assert.ok(answer.tookMs < REFUSAL_MS_MAX, `${answer.tookMs} ms`);
      }
    });

    test("when it is back, signed methods pass and nonces are remembered again", async () => {
      await end();
      await untilAnswer(() => signed("AWS4-HMAC-SHA256", used, "POST"));
      const again: SignedCall = {
        algorithm: "JDCLOUD2-HMAC-SHA256",
        key: used,
        deployment: closed,
        path: "/orders",
        method: "POST",
        nonce: freshId("nonce"),
      };
      assert.equal((await sendSigned(again)).status, 200);
      assertRefused(await sendSigned(again), { status: 401, reason: "nonce_reused" });
    });
  });
}

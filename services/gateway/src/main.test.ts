import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectBus, ensureBus } from "@millrace/bus";
import { freePort, testNats, testRedis, until } from "@millrace/testing";

// The process itself: its environment, its readiness, its end.

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const CANARY = "canary-in-a-secret";

async function environmentOf(t: TestContext) {
  const identity = { service: "gateway", id: "gateway-1" } as const;
  const nats = await testNats(t, { identities: [identity] });
  const redis = await testRedis(t);
  const admin = await connectBus(
    { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "t" } },
    { info() {}, warn() {} },
  );
  t.after(() => admin.close());
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const [http, operations] = [await freePort(), await freePort()];
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    MILLRACE_HTTP_ADDRESS: `127.0.0.1:${http}`,
    MILLRACE_OPERATIONS_ADDRESS: `127.0.0.1:${operations}`,
    MILLRACE_GATEWAY_ID: "gateway-1",
    MILLRACE_REGION: "local-1",
    MILLRACE_BASE_DOMAIN: "localhost",
    MILLRACE_NATS_URL: nats.url,
    MILLRACE_NATS_SEED_FILE: file("seed", nats.seedOf(identity)),
    MILLRACE_REDIS_URL_FILE: file("redis", redis.url),
    MILLRACE_AUTH_ADDRESS: "127.0.0.1:1",
    MILLRACE_SERVICE_KEY_FILE: file("key.pem", key),
    MILLRACE_SERVICE_TRUST_FILE: file("trust.json", "{}"),
    MILLRACE_DRAIN_LAG: "100ms",
  };
  return { environment, admin, http, operations, key };
}

function start(t: TestContext, environment: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said = { text: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (said.text += text));
  t.after(() => child.kill("SIGKILL"));
  return { child, said };
}

const ended = async (child: ChildProcess) => (child.exitCode ?? (await once(child, "exit"))[0]) as number | null;

test("the process is ready once control-plane has made the buckets, drains on SIGTERM and exits 0", async (t) => {
  const { environment, admin, http, operations, key } = await environmentOf(t);
  const { child, said } = start(t, environment);
  const ready = async () => (await fetch(`http://127.0.0.1:${operations}/readyz`)).status;
  await until(async () => (await ready()) === 503, { timeoutMs: 10_000, message: () => said.text });
  // Nobody is told that there is no deployment by a gateway that does not know yet.
  await assert.rejects(fetch(`http://127.0.0.1:${http}/`));
  await ensureBus(admin);
  await until(async () => (await ready()) === 200, { timeoutMs: 10_000, message: () => said.text });

  const answer = await fetch(`http://127.0.0.1:${http}/`);
  assert.equal(((await answer.json()) as { reason: string }).reason, "no_deployment");
  const metrics = await (await fetch(`http://127.0.0.1:${operations}/metrics`)).text();
  assert.match(metrics, /gateway_requests(_total)?\{[^}]*reason="no_deployment"/);

  child.kill("SIGTERM");
  assert.equal(await ended(child), 0, said.text);
  assert.match(said.text, /"msg":"request".*"reason":"no_deployment"/);
  assert.ok(!said.text.includes(key.split("\n")[1]!));
});

test("a process that is told to stop while it waits for the buckets exits 0", async (t) => {
  const { environment, operations } = await environmentOf(t);
  const { child, said } = start(t, environment);
  const live = async () => (await fetch(`http://127.0.0.1:${operations}/livez`)).ok;
  await until(live, { timeoutMs: 10_000, message: () => said.text });
  child.kill("SIGTERM");
  assert.equal(await ended(child), 0, said.text);
});

test("a configuration that cannot be used is told as a whole, and no secret with it", async (t) => {
  const { environment } = await environmentOf(t);
  writeFileSync(environment.MILLRACE_SERVICE_KEY_FILE!, CANARY);
  const { child, said } = start(t, {
    ...environment,
    MILLRACE_GATEWAY_ID: "a b",
    MILLRACE_HTTP_ADDRESS: "nowhere",
    MILLRACE_ODD: "1",
  });
  assert.notEqual(await ended(child), 0);
  for (const name of ["MILLRACE_GATEWAY_ID", "MILLRACE_HTTP_ADDRESS", "MILLRACE_ODD"])
    assert.match(said.text, new RegExp(name));
  assert.ok(!said.text.includes(CANARY));
});

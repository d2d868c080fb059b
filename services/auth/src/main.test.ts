import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectBus, ensureBus, KEYS, openBucket } from "@millrace/bus";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { HealthService } from "@millrace/proto/google";
import { RpcClient, type ServiceName } from "@millrace/rpc";
import { freePort, type Owner, testDatabase, testNats, until } from "@millrace/testing";
import { PASSWORD, refusal, serviceKeys } from "./auth-fixture.ts";
import { mintBearer } from "./tokens/bearer-token.ts";

const STOP_TIMEOUT_MS = 10_000;

/** The service as a process, as it runs in production. */
async function startProcess(owner: Owner, natsUrl: string, seed: string) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-auth-"));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const { url } = await testDatabase(owner, { schema: "auth" });
  const keys = serviceKeys();
  const ports = { grpc: await freePort(), operations: await freePort() };
  const bootstrap = { email: "operator@millrace.local", password: PASSWORD, token: mintBearer("token").text };
  const masterKey = randomBytes(32).toString("base64");
  const environment = {
    MILLRACE_LOG_LEVEL: "debug",
    MILLRACE_OPERATIONS_ADDRESS: `127.0.0.1:${ports.operations}`,
    MILLRACE_GRPC_ADDRESS: `127.0.0.1:${ports.grpc}`,
    MILLRACE_DATABASE_URL_FILE: file("database.url", url),
    MILLRACE_MASTER_KEY_FILE: file("master.key", masterKey),
    MILLRACE_SERVICE_KEY_FILE: file("auth.pem", keys.privateKeys.auth!),
    MILLRACE_SERVICE_TRUST_FILE: file("trust.json", keys.trust),
    MILLRACE_NATS_URL: natsUrl,
    MILLRACE_NATS_SEED_FILE: file("nats.seed", seed),
    MILLRACE_BOOTSTRAP_FILE: file("bootstrap.json", JSON.stringify(bootstrap)),
    MILLRACE_CONTROL_PLANE_ADDRESS: `127.0.0.1:${await freePort()}`,
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { env: environment });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
  const client = new RpcClient({ address: environment.MILLRACE_GRPC_ADDRESS, token: () => bootstrap.token });
  owner.after(async () => {
    client.close();
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const readyz = () => fetch(`http://127.0.0.1:${ports.operations}/readyz`);
  await until(async () => (await readyz()).ok, { timeoutMs: 15_000, message: () => output });
  const secrets = [masterKey, PASSWORD, bootstrap.token, bootstrap.token.slice(17), seed, new URL(url).password];
  const as = (service: ServiceName) => keys.identities[service].tokenFor("auth");
  return { child, client, as, readyz, secrets: secrets.filter(Boolean), output: () => output };
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, "exit", { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
  return code as number | null;
}

test("the process serves without NATS, catches up with it, tells nobody a secret, and ends with 0", async (t) => {
  const identity = { service: "auth", id: "auth-1" } as const;
  const nats = await testNats(t, { identities: [identity] });
  await nats.server.stop();
  const { child, client, as, readyz, secrets, output } = await startProcess(t, nats.url, nats.seedOf(identity));

  const { person } = await client.call(PeopleServiceService.getMe, {});
  const owner = { project: "projects/shop", person: person!.name };
  await client.call(IdentityServiceService.grantOwner, owner, { token: await as("control-plane") });
  const request = { parent: "projects/shop", displayName: "ci", requestId: "" };
  const { accessKey, secret } = await client.call(AccessKeyServiceService.createAccessKey, request);
  const { value } = await client.call(SubscriptionKeyServiceService.createSubscriptionKey, request);
  const signingIn = { email: "operator@millrace.local", password: "a wrong canary password" };
  const refused = client.call(PeopleServiceService.signIn, signingIn, { token: "" });
  await assert.rejects(refused, refusal("unauthenticated", "credential_invalid"));
  const { token } = await client.call(PeopleServiceService.signIn, { ...signingIn, password: PASSWORD }, { token: "" });
  assert.deepEqual(await readyz().then((answer) => answer.json()), {
    state: "ready",
    ready: true,
    database: true,
    relaying: false,
  });
  assert.equal((await client.call(HealthService.check, { service: "millrace.auth.v1.PeopleService" })).status, 1);

  await nats.server.start();
  const anyone = { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "test" } } as const;
  const connection = await connectBus(anyone, { info() {}, warn() {} });
  t.after(() => connection.close());
  await ensureBus(connection);
  const bucket = await openBucket(connection, "grants");
  await until(() => bucket.get(KEYS.accessKey(accessKey!.keyId)), { timeoutMs: 15_000 });

  child.kill("SIGTERM");
  assert.equal(await exitCodeOf(child), 0, output());
  for (const canary of [...secrets, secret, value, token, token.slice(17), signingIn.password]) {
    assert.ok(!output().includes(canary), `the output shows ${canary}`);
  }
  assert.match(output(), /"to":"stopped"/);
});

test("a configuration that is not usable is refused in one message that names everything", async () => {
  const env = { MILLRACE_GRPC_ADDRESS: "nowhere", MILLRACE_COLOUR: "red" };
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { env });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk));
  assert.equal(await exitCodeOf(child), 1);
  for (const name of ["MILLRACE_GRPC_ADDRESS: must be", "MILLRACE_COLOUR", "MILLRACE_MASTER_KEY_FILE: is required"]) {
    assert.ok(output.includes(name), output);
  }
});

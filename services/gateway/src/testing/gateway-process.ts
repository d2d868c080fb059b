/** Gateways as processes of their own, with all that they need around them. */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { connectBus } from "@millrace/bus";
import { freePort, testNats, testRedis } from "@millrace/testing";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const PRIVATE = 0o600;

export async function gatewaySurroundings(t: TestContext, ids: readonly string[]) {
  const identities = ids.map((id) => ({ service: "gateway", id }) as const);
  const nats = await testNats(t, { identities });
  const redis = await testRedis(t);
  const admin = await connectBus(
    { url: nats.url, seed: nats.seed, identity: { service: "control-plane", id: "t" } },
    { info() {}, warn() {} },
  );
  t.after(() => admin.close());
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: PRIVATE });
    return join(folder, name);
  };
  const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const gateways = [];
  for (const identity of identities) {
    const [http, operations] = [await freePort(), await freePort()];
    const environment: Record<string, string> = {
      PATH: process.env.PATH ?? "",
      MILLRACE_HTTP_ADDRESS: `127.0.0.1:${http}`,
      MILLRACE_OPERATIONS_ADDRESS: `127.0.0.1:${operations}`,
      MILLRACE_GATEWAY_ID: identity.id,
      MILLRACE_REGION: "local-1",
      MILLRACE_BASE_DOMAIN: "localhost",
      MILLRACE_NATS_URL: nats.url,
      MILLRACE_NATS_SEED_FILE: file(`seed-${identity.id}`, nats.seedOf(identity)),
      MILLRACE_REDIS_URL_FILE: file("redis", redis.url),
      MILLRACE_AUTH_ADDRESS: "127.0.0.1:1",
      MILLRACE_SERVICE_KEY_FILE: file("key.pem", key),
      MILLRACE_SERVICE_TRUST_FILE: file("trust.json", "{}"),
      MILLRACE_DRAIN_LAG: "100ms",
    };
    gateways.push({ environment, http, operations });
  }
  return { gateways, admin, key };
}

export function startGatewayProcess(t: TestContext, environment: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said = { text: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (said.text += text));
  t.after(() => child.kill("SIGKILL"));
  return { child, said };
}

export const exitCodeOf = async (child: ChildProcess) =>
  (child.exitCode ?? (await once(child, "exit"))[0]) as number | null;

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformRpc, provision } from "@millrace/e2e-tests";
import { type Platform, startPlatform } from "@millrace/local";
import type { StartTarget, Target } from "./target.ts";

// Millrace as `npm start` runs it: every service a process, one runner, the logs as always.

const FETCH_HELLO = `export default { fetch: () => Response.json({ hello: "world" }) };`;
const JD_HELLO = `
  export const handler = async (event) => ({
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ hello: "world", path: event.detail.path }),
  });`;

export const millraceTargets: Record<string, StartTarget> = {
  "millrace-hello": () => millrace(FETCH_HELLO),
  "millrace-handler": () => millrace(JD_HELLO),
  "millrace-policies": async () => undefined,
};

async function millrace(code: string): Promise<Target> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const platform = await startPlatform({ stateDirectory, ephemeral: true, log: () => {} });
  try {
    const url = `${await deploy(platform, code)}/hello`;
    const gatewayPid = platform.service("gateway-1").pid!;
    return { url, gatewayPid, stop: () => platform.destroy() };
  } catch (error) {
    await platform.destroy();
    throw error;
  }
}

/** Answers the deployment's URL in the path form. */
async function deploy(platform: Platform, code: string): Promise<string> {
  const rpc = new PlatformRpc(platform, platform.adminToken);
  try {
    const made = await provision(rpc, {
      functions: { hello: { code } },
      apis: { hello: { method: "GET", path: "/hello", backend: "hello" } },
    });
    return made.deployment().pathUrl;
  } finally {
    rpc.close();
  }
}

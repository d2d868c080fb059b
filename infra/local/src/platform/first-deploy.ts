/**
 * The first thing a newcomer sees working: examples/petstore, deployed once through the CLI like anything else. What the CLI
 * answered is kept, so that later starts can print the line that calls it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { repositoryRoot } from "../paths.ts";
import { poll } from "../processes/until.ts";
import type { Platform } from "./platform.ts";

const DEPLOY_TIMEOUT_MS = 120_000;
const CALL_TIMEOUT_MS = 5_000;
const SERVED_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const EXAMPLE_TARGET = "/pets/1";

/** The URL of the example's API on this platform, deploying it first where it is not. */
export async function deployExample(platform: Platform, log: (line: string) => void): Promise<string> {
  const remembered = join(platform.stateDirectory, "petstore.json");
  if (!existsSync(remembered)) {
    log("deploying examples/petstore");
    const startedAt = Date.now();
    writeFileSync(remembered, await deploy(platform));
    log(`examples/petstore deployed in ${Date.now() - startedAt} ms`);
  }
  const url = exampleUrl(readFileSync(remembered, "utf8"), platform.gatewayUrl);
  await untilServed(url);
  return url;
}

/** A release reaches gateways within a moment, and a first call starts a sandbox; the line we print must work at once. */
async function untilServed(url: string): Promise<void> {
  const served = await poll(
    async () => (await fetch(url, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })).status === 200,
    { timeoutMs: SERVED_TIMEOUT_MS, intervalMs: POLL_MS, giveUp: () => false },
  );
  if (!served) throw new Error(`GET ${url} does not answer 200`);
}

function deploy(platform: Platform): Promise<string> {
  const cli = join(repositoryRoot, "clients/cli/bin/millrace.mjs");
  const example = join(repositoryRoot, "examples/petstore");
  return runCommand([process.execPath, cli, "deploy", example, "--yes", "--output", "json"], {
    timeoutMs: DEPLOY_TIMEOUT_MS,
    cwd: repositoryRoot,
    env: { MILLRACE_PLATFORM_FILE: platform.platformFile },
  });
}

/** The path form works wherever the gateway listens; ports may differ between starts. */
function exampleUrl(answer: string, gatewayUrl: string): string {
  const { deployments } = JSON.parse(answer) as { deployments: readonly { pathUrl: string }[] };
  const released = deployments.find(({ pathUrl }) => pathUrl !== "");
  if (released === undefined) throw new Error("the CLI named no release of examples/petstore");
  return `${gatewayUrl}${new URL(released.pathUrl).pathname.replace(/\/$/, "")}${EXAMPLE_TARGET}`;
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Plan, PlatformRpc, type Provisioned, provision } from "@millrace/e2e-tests";
import { type Platform, type PlatformOptions, startPlatform, unprivilegedHome } from "@millrace/local";
import { until } from "@millrace/testing";
import type { Bench } from "../bench.ts";
import { type ProcessMap, sandboxesOf } from "../system/usage.ts";

// Millrace as `npm start` runs it: every service a process, the logs as always; in a state folder of its own.

const SERVES_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 10_000;

export type PlatformShape = Pick<
  PlatformOptions,
  "runners" | "runnerSlots" | "gateways" | "withoutBubblewrap" | "telemetry"
>;

export interface BenchPlatform {
  platform: Platform;
  rpc: PlatformRpc;
  /** Those of the request path. */
  processes(): ProcessMap;
  /** Every process of the platform that runs now, by a name for it. */
  everyProcess(): Map<string, number>;
  stop(): Promise<void>;
}

export async function startBenchPlatform(shape: PlatformShape, signal: AbortSignal): Promise<BenchPlatform> {
  signal.throwIfAborted();
  const platform = await startInOwnFolder(shape, signal);
  const rpc = new PlatformRpc(platform, platform.adminToken);
  const pidsOf = (prefix: string) =>
    platform.services.filter(({ name, pid }) => name.startsWith(prefix) && pid).map(({ pid }) => pid!);
  return {
    platform,
    rpc,
    processes: () => ({
      gateway: pidsOf("gateway-"),
      nats: [platform.engines.nats.process?.pid].filter((pid) => pid !== undefined),
      runner: pidsOf("runner-"),
      sandbox: sandboxesOf(pidsOf("runner-")),
    }),
    everyProcess: () => {
      const engines = Object.values(platform.engines).flatMap((engine) => engine.process ?? []);
      const named = [...engines, ...platform.services].flatMap(({ name, pid }) => (pid ? [[name, pid] as const] : []));
      return new Map([...named, ...sandboxesOf(pidsOf("runner-")).map((pid) => [`sandbox ${pid}`, pid] as const)]);
    },
    stop: () => {
      rpc.close();
      return platform.destroy();
    },
  };
}

async function startInOwnFolder(shape: PlatformShape, signal: AbortSignal): Promise<Platform> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  try {
    return await startPlatform({ ...shape, stateDirectory, ephemeral: true, log: () => {}, signal });
  } catch (error) {
    // A platform that did not start has stopped what it had started, but keeps its folders for the next start.
    for (const folder of [unprivilegedHome(stateDirectory), stateDirectory]) {
      await rm(folder, { recursive: true, force: true });
    }
    throw error;
  }
}

/** Runs `work` on a platform of its own and takes it down whatever happens. */
export async function withPlatform<Result>(
  bench: Bench,
  shape: PlatformShape,
  work: (platform: BenchPlatform) => Promise<Result>,
): Promise<Result> {
  const platform = await startBenchPlatform(shape, bench.signal);
  try {
    return await work(platform);
  } finally {
    await platform.stop();
  }
}

/** Deploys functions and answers where their APIs are, once the first of them answers. */
export async function deploy({ rpc }: BenchPlatform, plan: Plan): Promise<{ url: string; made: Provisioned }> {
  const made = await provision(rpc, plan);
  return { url: made.deployment().pathUrl, made };
}

/** One API of one function: `GET /{name}`. */
export async function deployFunction(platform: BenchPlatform, name: string, code: string): Promise<string> {
  const apis = { [name]: { method: "GET", path: `/${name}`, backend: name } };
  const { url } = await deploy(platform, { functions: { [name]: { code } }, apis });
  await untilServes(`${url}/${name}`);
  return `${url}/${name}`;
}

export async function untilServes(url: string): Promise<void> {
  let last = "nothing";
  const asked = async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    last = `${response.status} ${await response.text()}`;
    return response.ok;
  };
  await until(asked, { timeoutMs: SERVES_TIMEOUT_MS, message: () => `${url} to serve; it answered ${last}` });
}

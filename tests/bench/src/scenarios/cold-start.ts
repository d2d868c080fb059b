import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { createApi, functionBackend, mockBackend, release, send, uploadCode } from "@millrace/e2e-tests";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AccessMode, GroupServiceService } from "@millrace/proto/control/v1/groups";
import type { Bench, Scenario } from "../bench.ts";
import { type Section, shown } from "../report/section.ts";
import { quantileOf } from "../statistics.ts";
import { type BenchPlatform, deploy, untilServes, withPlatform } from "../targets/platform.ts";

// The first call of a version that nobody has called: its artifact is fetched, an instance is started and the code is loaded, in a sandbox
// that the project already has.

const FULL_VERSIONS = 40;
const SHORT_VERSIONS = 4;
/** Between calls, for whatever the platform prepares ahead of need. */
const PAUSE_MS = 250;
const FUNCTION = "hello";

const hello = (version: number) =>
  `const version = ${version};\nexport default { fetch: () => Response.json({ hello: "world", version }) };`;

interface ColdStart {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** The second call of each version. */
  warmP50Ms: number;
  versions: number;
}

export const coldStart: Scenario<ColdStart> = {
  name: "cold-start",
  key: "coldStart",
  about: "the first call of a version that was just published",
  measure: (bench) => withPlatform(bench, {}, (platform) => measure(bench, platform)),
  present,
};

async function measure(bench: Bench, platform: BenchPlatform): Promise<ColdStart> {
  const functions = { [FUNCTION]: { code: hello(0) } };
  const apis = { warm: { method: "GET", path: "/warm", backend: FUNCTION } };
  const { url, made } = await deploy(platform, { functions, apis });
  await untilServes(`${url}/warm`);
  const versions = await publish(bench, platform, `${made.project}/functions/${FUNCTION}`);
  const urls = await pinned(platform, made.project, versions);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const cold: number[] = [];
  const warm: number[] = [];
  try {
    for (const each of [`${url}/warm`, ...urls]) {
      await delay(PAUSE_MS, undefined, { signal: bench.signal });
      const [first, second] = [await callOnce(each, agent), await callOnce(each, agent)];
      // The first pair opens the connection.
      if (each.endsWith("/warm")) continue;
      cold.push(first);
      warm.push(second);
    }
  } finally {
    agent.destroy();
  }
  return {
    p50Ms: quantileOf(cold, 0.5),
    p99Ms: quantileOf(cold, 0.99),
    maxMs: Math.max(...cold),
    warmP50Ms: quantileOf(warm, 0.5),
    versions: cold.length,
  };
}

async function publish({ isShort, signal, print }: Bench, { rpc }: BenchPlatform, name: string): Promise<number[]> {
  const count = isShort ? SHORT_VERSIONS : FULL_VERSIONS;
  const numbers: number[] = [];
  print(`publishing ${count} versions`);
  for (let i = 1; i <= count; i++) {
    signal.throwIfAborted();
    await uploadCode(rpc, name, { code: hello(i) });
    numbers.push((await rpc.call(FunctionServiceService.publishVersion, { name })).number);
  }
  return numbers;
}

/** A group with an API for each version; answers their URLs once it is served. */
async function pinned({ rpc }: BenchPlatform, project: string, versions: readonly number[]): Promise<string[]> {
  const group = await rpc.call(GroupServiceService.createGroup, {
    parent: project,
    groupId: "cold",
    access: AccessMode.NONE,
  });
  const revision = `${group.name}/revisions/0.0.1`;
  await createApi(rpc, revision, "ready", { method: "GET", path: "/ready", backend: mockBackend("ready") });
  for (const version of versions) {
    const backend = functionBackend(`${project}/functions/${FUNCTION}`, { qualifier: String(version) });
    await createApi(rpc, revision, `v${version}`, { method: "GET", path: `/v${version}`, backend });
  }
  const name = `${group.name}/deployments/online`;
  await release(rpc, name, "0.0.1");
  const { pathUrl } = await rpc.call(DeploymentServiceService.getDeployment, { name });
  await untilServes(`${pathUrl}/ready`);
  return versions.map((version) => `${pathUrl}/v${version}`);
}

async function callOnce(url: string, agent: Agent): Promise<number> {
  const { status, tookMs, text } = await send({ url, agent });
  if (status !== 200) throw new Error(`${url} answered ${status}: ${text}`);
  return tookMs;
}

function present({ p50Ms, p99Ms, maxMs, warmP50Ms, versions }: ColdStart): Section {
  return {
    title: "Cold starts",
    text: `${versions} versions of a hello are published in a project that has a warm function, and each is called for the first time, one after the other, on one
connection, ${PAUSE_MS} ms apart. The time is the caller's: it holds fetching the artifact, starting an instance, loading the code and the call.`,
    head: ["", "ms"],
    rows: [
      ["p50 of first calls", shown(p50Ms, 2)],
      ["p99 of first calls", shown(p99Ms, 2)],
      ["longest first call", shown(maxMs, 2)],
      ["p50 of second calls", shown(warmP50Ms, 2)],
    ],
    checks: [{ what: "p50 of first calls", measured: p50Ms, target: { below: 15 }, unit: " ms" }],
    charts: [],
  };
}

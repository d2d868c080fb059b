import {
  createApi,
  functionBackend,
  mockBackend,
  provision,
  provisionFunction,
  release,
  send,
} from "@millrace/e2e-tests";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionConfig, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import type { Bench, Scenario } from "../bench.ts";
import { type Section, shown } from "../report/section.ts";
import { settledMiB } from "../system/usage.ts";
import { type BenchPlatform, untilServes, withPlatform } from "../targets/platform.ts";

// Many functions of several projects, each called once and warm from then on, on one runner. They are versions that differ in a variable:
// each has an instance of its own.

const FULL = { projects: 10, functions: 50 };
const SHORT = { projects: 2, functions: 5 };
/** A runner holds four instances for each slot. */
const SLOTS = 128;
const CALLS_AT_A_TIME = 4;
const GIB = 1024;

const CODE = `export default { fetch: (request, env) => new Response(env.NUMBER) };`;

interface ManyFunctions {
  projects: number;
  instances: number;
  /** Of the supervisor and all sandboxes, the blank ones included. */
  residentMiB: number;
}

export const manyFunctions: Scenario<ManyFunctions> = {
  name: "many-functions",
  key: "manyFunctions",
  about: "memory of many warm functions of several projects",
  measure: (bench) => withPlatform(bench, { runnerSlots: SLOTS }, (platform) => measure(bench, platform)),
  present,
};

async function measure(bench: Bench, platform: BenchPlatform): Promise<ManyFunctions> {
  const { projects, functions } = bench.isShort ? SHORT : FULL;
  const urls: string[] = [];
  for (let i = 0; i < projects; i++) {
    bench.signal.throwIfAborted();
    urls.push(...(await deployVersions(platform, functions)));
    bench.print(`${urls.length} functions are deployed`);
  }
  const waiting = urls.entries();
  const callThem = async () => {
    for (const [at, url] of waiting) {
      const { status, text } = await send({ url });
      if (status !== 200) throw new Error(`function ${at} answered ${status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_A_TIME }, callThem));
  const { runner = [], sandbox = [] } = platform.processes();
  const resident = await settledMiB([...runner, ...sandbox], bench.signal);
  return { projects, instances: urls.length, residentMiB: resident };
}

/** In a project of their own; answers their URLs once they are served. */
async function deployVersions(platform: BenchPlatform, count: number): Promise<string[]> {
  const { rpc } = platform;
  const apis = { ready: { method: "GET", path: "/ready", backend: mockBackend("ready") } };
  const made = await provision(rpc, { apis, environments: [] });
  const { name } = await provisionFunction(rpc, made.project, "number", { code: CODE });
  const revision = `${made.group}/revisions/0.0.1`;
  for (let number = 1; number <= count; number++) {
    const config = FunctionConfig.fromPartial({ environment: { NUMBER: String(number) } });
    await rpc.call(FunctionServiceService.updateFunction, { name, config, etag: "" });
    const { number: version } = await rpc.call(FunctionServiceService.publishVersion, { name });
    const backend = functionBackend(name, { qualifier: String(version) });
    await createApi(rpc, revision, `n${number}`, { method: "GET", path: `/n${number}`, backend });
  }
  const deployment = `${made.group}/deployments/online`;
  await release(rpc, deployment, "0.0.1");
  const { pathUrl } = await rpc.call(DeploymentServiceService.getDeployment, { name: deployment });
  await untilServes(`${pathUrl}${apis.ready.path}`);
  return Array.from({ length: count }, (_, at) => `${pathUrl}/n${at + 1}`);
}

function present({ projects, instances, residentMiB: resident }: ManyFunctions): Section {
  return {
    title: "Many warm functions",
    text: `${instances} functions of ${projects} projects are called once each, on one runner, and stay loaded. The memory is what the supervisor and all sandboxes
have resident together once it has settled; what processes share, such as Node itself, counts once for each of them.`,
    head: ["", ""],
    rows: [
      ["resident memory, GiB", shown(resident / GIB, 2)],
      ["of it for one function, MiB", shown(resident / instances, 2)],
    ],
    checks: [{ what: "resident memory of all", measured: resident / GIB, target: { below: 4.5 }, unit: " GiB" }],
    charts: [],
  };
}

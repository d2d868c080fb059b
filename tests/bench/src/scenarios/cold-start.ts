import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { createApi, functionBackend, mockBackend, release, send, uploadCode } from "@millrace/e2e-tests";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AccessMode, GroupServiceService } from "@millrace/proto/control/v1/groups";
import type { Bench, Scenario } from "../bench.ts";
import { type Check, type Section, shown } from "../report/section.ts";
import { quantileOf } from "../statistics.ts";
import { type Application, publishApplication } from "../targets/applications.ts";
import { type BenchPlatform, deploy, untilServes, withPlatform } from "../targets/platform.ts";

// The first call of a version that nobody has called: its artifact is fetched, an instance is started and the code is loaded, in a sandbox
// that the project already has; and the first call of all in a project, which is given its sandbox for it.

const FULL_VERSIONS = 40;
const FULL_APPLICATION_VERSIONS = 20;
const FULL_PROJECTS = 20;
const SHORT_COUNT = 4;
/** Between calls, for whatever the platform prepares ahead of need. */
const PAUSE_MS = 250;
/** The same between projects: a sandbox is a process. */
const PROJECT_PAUSE_MS = 750;

const FUNCTION = "hello";
const HONO: Application = { folder: "hono-app", path: "/books" };
const EXPRESS: Application = { folder: "lambda-express", path: "/quotes/ABC", eventFormat: "aws-2" };

/** Tells that a group is served, without a function. */
const READY = { method: "GET", path: "/ready", backend: mockBackend("ready") };

const hello = (version: number) =>
  `const version = ${version};\nexport default { fetch: () => Response.json({ hello: "world", version }) };`;

interface FirstCalls {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** The second call of each. */
  warmP50Ms: number;
  versions: number;
}

interface ColdStart extends FirstCalls {
  honoApp?: FirstCalls;
  lambdaExpress?: FirstCalls;
  newProject?: FirstCalls;
}

export const coldStart: Scenario<ColdStart> = {
  name: "cold-start",
  key: "coldStart",
  about: "the first call of a version that was just published",
  measure: (bench) => withPlatform(bench, {}, (platform) => measure(bench, platform)),
  present,
};

async function measure(bench: Bench, platform: BenchPlatform): Promise<ColdStart> {
  const count = (full: number) => (bench.isShort ? SHORT_COUNT : full);
  const functions = { [FUNCTION]: { code: hello(0) } };
  const apis = { warm: { method: "GET", path: "/warm", backend: FUNCTION } };
  const { url, made } = await deploy(platform, { functions, apis });
  const warm = `${url}/warm`;
  await untilServes(warm);
  const { project } = made;
  const versions = await publishHellos(bench, platform, `${project}/functions/${FUNCTION}`, count(FULL_VERSIONS));
  const hellos = await pinned(platform, project, { folder: FUNCTION, path: "/hello" }, versions);
  const measured: ColdStart = await firstCalls(bench, warm, hellos, PAUSE_MS);
  for (const [key, application] of [["honoApp", HONO] as const, ["lambdaExpress", EXPRESS] as const]) {
    bench.print(`publishing ${application.folder}`);
    const numbers = await publishApplication(platform, project, application, count(FULL_APPLICATION_VERSIONS));
    measured[key] = await firstCalls(bench, warm, await pinned(platform, project, application, numbers), PAUSE_MS);
  }
  const projects = await newProjects(bench, platform, count(FULL_PROJECTS));
  measured.newProject = await firstCalls(bench, warm, projects, PROJECT_PAUSE_MS);
  return measured;
}

/** Calls each URL twice; `warm` opens the connection. */
async function firstCalls(
  { signal }: Bench,
  warm: string,
  urls: readonly string[],
  pauseMs: number,
): Promise<FirstCalls> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [first, second]: [number[], number[]] = [[], []];
  try {
    await callOnce(warm, agent);
    for (const url of urls) {
      await delay(pauseMs, undefined, { signal });
      first.push(await callOnce(url, agent));
      second.push(await callOnce(url, agent));
    }
  } finally {
    agent.destroy();
  }
  return {
    p50Ms: quantileOf(first, 0.5),
    p99Ms: quantileOf(first, 0.99),
    maxMs: Math.max(...first),
    warmP50Ms: quantileOf(second, 0.5),
    versions: first.length,
  };
}

async function publishHellos(
  { signal, print }: Bench,
  { rpc }: BenchPlatform,
  name: string,
  count: number,
): Promise<number[]> {
  const numbers: number[] = [];
  print(`publishing ${count} versions of a hello`);
  for (let i = 1; i <= count; i++) {
    signal.throwIfAborted();
    await uploadCode(rpc, name, { code: hello(i) });
    numbers.push((await rpc.call(FunctionServiceService.publishVersion, { name })).number);
  }
  return numbers;
}

/** Each version behind a group of its own, so that all are called by the path that the application knows; answers their URLs. */
async function pinned(
  { rpc }: BenchPlatform,
  project: string,
  { folder, path, eventFormat }: Application,
  versions: readonly number[],
): Promise<string[]> {
  const urls: string[] = [];
  for (const version of versions) {
    const groupId = `${folder}-${version}`;
    const group = await rpc.call(GroupServiceService.createGroup, {
      parent: project,
      groupId,
      access: AccessMode.NONE,
    });
    const qualifier = String(version);
    const backend = functionBackend(`${project}/functions/${folder}`, {
      qualifier,
      ...(eventFormat && { eventFormat }),
    });
    const revision = `${group.name}/revisions/0.0.1`;
    await createApi(rpc, revision, "one", { method: "GET", path, backend });
    await createApi(rpc, revision, "ready", READY);
    const name = `${group.name}/deployments/online`;
    await release(rpc, name, "0.0.1");
    const { pathUrl } = await rpc.call(DeploymentServiceService.getDeployment, { name });
    await untilServes(`${pathUrl}${READY.path}`);
    urls.push(`${pathUrl}${path}`);
  }
  return urls;
}

async function newProjects({ signal, print }: Bench, platform: BenchPlatform, count: number): Promise<string[]> {
  print(`making ${count} projects`);
  const urls: string[] = [];
  for (let i = 0; i < count; i++) {
    signal.throwIfAborted();
    const functions = { [FUNCTION]: { code: hello(i) } };
    const apis = { [FUNCTION]: { method: "GET", path: "/hello", backend: FUNCTION }, ready: READY };
    const { url } = await deploy(platform, { functions, apis });
    await untilServes(`${url}${READY.path}`);
    urls.push(`${url}/hello`);
  }
  return urls;
}

async function callOnce(url: string, agent: Agent): Promise<number> {
  const { status, tookMs, text } = await send({ url, agent });
  if (status !== 200) throw new Error(`${url} answered ${status}: ${text}`);
  return tookMs;
}

function present({ honoApp, lambdaExpress, newProject, ...helloCalls }: ColdStart): Section {
  const all: [string, FirstCalls | undefined, { p50Ms: number; p99Ms?: number }][] = [
    ["a hello", helloCalls, { p50Ms: 15, p99Ms: 50 }],
    ["hono-app", honoApp, { p50Ms: 15, p99Ms: 50 }],
    ["lambda-express", lambdaExpress, { p50Ms: 60 }],
    ["a new project", newProject, { p50Ms: 80 }],
  ];
  const measured = all.flatMap(([name, calls, target]) => (calls ? [{ name, calls, target }] : []));
  return {
    title: "Cold starts",
    text: `Versions are published in a project that has a warm function, and each is called for the first time, one after the other, on one connection,
${PAUSE_MS} ms apart: of a hello, and of the examples hono-app (70 kB) and lambda-express (1.2 MB). Then projects are made that each have a hello, and each is
called, ${PROJECT_PAUSE_MS} ms apart: such a project is given its sandbox by the call. The time is the caller's: it holds fetching the artifact, starting an
instance, loading the code and the call.`,
    head: ["first calls of", "how many", "p50 ms", "p99 ms", "longest ms", "p50 of second calls"],
    rows: measured.map(({ name, calls }) => [
      name,
      String(calls.versions),
      ...[calls.p50Ms, calls.p99Ms, calls.maxMs, calls.warmP50Ms].map((ms) => shown(ms, 2)),
    ]),
    checks: measured.flatMap(({ name, calls, target }): Check[] => [
      { what: `p50 of first calls of ${name}`, measured: calls.p50Ms, target: { below: target.p50Ms }, unit: " ms" },
      ...(target.p99Ms === undefined
        ? []
        : [
            {
              what: `p99 of first calls of ${name}`,
              measured: calls.p99Ms,
              target: { below: target.p99Ms },
              unit: " ms",
            },
          ]),
    ]),
    charts: [],
  };
}

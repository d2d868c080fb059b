import type { Bench, Scenario } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { barChart } from "../report/chart.ts";
import { type Check, type Section, shown, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { type CpuRole, type CpuUse, cpuMsBetween, readCpu } from "../system/usage.ts";
import { millraceTargets } from "../targets/millrace-targets.ts";
import { installPeers, peerTargets } from "../targets/peer-targets.ts";
import type { Target } from "../targets/target.ts";

// Millrace and its peers, each a hello. Every target is measured in turn, round after round, so that a machine whose speed drifts does so
// for all of them alike. Only one target runs at a time.

const FULL = { rounds: 3, seconds: 6, warmUpSeconds: 3, connections: [1, 64] };
const SHORT = { rounds: 1, seconds: 2, warmUpSeconds: 1, connections: [64] };
const CPU_ROLES: readonly CpuRole[] = ["gateway", "nats", "runner", "sandbox", "instances"];

/** A row of the table; `n/a` for what is not there. */
export interface Row {
  name: string;
  connections: number;
  rps: number | "n/a";
  p50Ms: number | "n/a";
  p99Ms: number | "n/a";
  /** Of the process that takes the HTTP requests, per answered request. */
  gatewayCpuUs?: number;
  /** The same of everything else that takes part. */
  cpuUs?: CpuUse;
  spread?: { rps: Spread; p50Ms: Spread; p99Ms: Spread };
  errors?: number;
}

interface Sample {
  rps: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
  cpuUs: CpuUse;
}

export const rows: Scenario<Row[]> = {
  name: "rows",
  key: "rows",
  about: "Millrace and its peers, each a hello",
  measure,
  present,
};

async function measure(bench: Bench): Promise<Row[]> {
  const plan = bench.isShort ? SHORT : FULL;
  await installPeers(bench.print, bench.signal);
  const targets = Object.entries({ ...peerTargets(bench.nats), ...millraceTargets(bench.signal) });
  const samples = new Map<string, Sample[]>();
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, start] of targets) {
      bench.signal.throwIfAborted();
      const target = await start();
      if (!target) continue;
      try {
        for (const [connections, sample] of await measureTarget(target, plan, bench)) {
          samples.set(`${name} ${connections}`, [...(samples.get(`${name} ${connections}`) ?? []), sample]);
          bench.print(`round ${round}/${plan.rounds}  ${name.padEnd(20)} c=${connections}  ${sampleLine(sample)}`);
        }
      } finally {
        await target.stop();
      }
    }
  }
  return targets.flatMap(([name]) =>
    plan.connections.map((connections) => rowOf(name, connections, samples.get(`${name} ${connections}`) ?? [])),
  );
}

async function measureTarget(target: Target, plan: typeof FULL, { wrk, signal }: Bench): Promise<Map<number, Sample>> {
  const { url } = target;
  await runWrk(wrk, { url, connections: Math.max(...plan.connections), seconds: plan.warmUpSeconds }, signal);
  const samples = new Map<number, Sample>();
  for (const connections of plan.connections) {
    const before = readCpu(target.processes());
    const result = await runWrk(wrk, { url, connections, seconds: plan.seconds }, signal);
    const cpu = cpuMsBetween(before, readCpu(target.processes()));
    const perRequest = Object.entries(cpu).map(([role, ms]) => [role, (ms * 1_000) / result.requests]);
    samples.set(connections, { ...result, cpuUs: Object.fromEntries(perRequest) });
  }
  return samples;
}

const sampleLine = ({ rps, p50Ms, errors }: Sample): string =>
  `${rps.toFixed(0)} requests/s  p50 ${p50Ms.toFixed(2)} ms  errors ${errors}`;

function rowOf(name: string, connections: number, samples: readonly Sample[]): Row {
  if (samples.length === 0) return { name, connections, rps: "n/a", p50Ms: "n/a", p99Ms: "n/a" };
  const spread = {
    rps: spreadOf(samples.map(({ rps }) => rps)),
    p50Ms: spreadOf(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(samples.map(({ p99Ms }) => p99Ms)),
  };
  const cpuUs: CpuUse = {};
  for (const role of CPU_ROLES) {
    if (samples.some((sample) => sample.cpuUs[role] !== undefined)) {
      cpuUs[role] = spreadOf(samples.map((sample) => sample.cpuUs[role] ?? Number.NaN)).median;
    }
  }
  return {
    name,
    connections,
    rps: spread.rps.median,
    p50Ms: spread.p50Ms.median,
    p99Ms: spread.p99Ms.median,
    ...(cpuUs.gateway !== undefined && { gatewayCpuUs: cpuUs.gateway }),
    cpuUs,
    spread,
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  };
}

function present(result: readonly Row[]): Section {
  return {
    title: "Millrace and its peers, each a hello",
    text: `wrk keeps a number of connections busy for ${FULL.seconds} s, ${FULL.rounds} rounds, one target after the other in each round, each after
${FULL.warmUpSeconds} s at the most connections to warm up. CPU is in µs per answered request: of
the process that takes the HTTP requests, of the NATS server, of the runner's supervisor (of a peer: its worker process), of the sandbox
processes, and of the instances' threads within these. \`naive-pipe\` does the same job with one NATS request per call and \`postMessage\` to one
thread; \`bare-http\` is node:http alone.`,
    head: [
      ...["row", "connections", "requests/s", "p50 ms", "p99 ms"],
      ...["gateway CPU", "NATS CPU", "runner CPU", "sandbox CPU", "of it instances", "errors"],
    ],
    rows: result.map(tableRow),
    checks: checksOf(result),
    charts: [chartOf(result)],
  };
}

function tableRow({ name, connections, spread, cpuUs, errors }: Row): string[] {
  const numbers = spread
    ? [shownSpread(spread.rps, 0), shownSpread(spread.p50Ms, 2), shownSpread(spread.p99Ms, 2)]
    : ["n/a", "n/a", "n/a"];
  const cpu = CPU_ROLES.map((role) => (cpuUs?.[role] === undefined ? "" : shown(cpuUs[role], 1)));
  return [name, String(connections), ...numbers, ...cpu, errors === undefined ? "n/a" : String(errors)];
}

function checksOf(result: readonly Row[]): Check[] {
  const find = (name: string, connections: number) =>
    result.find((row) => row.name === name && row.connections === connections);
  const rate = (name: string) => Number(find(name, 64)?.rps);
  const times = (name: string, peer: string, atLeast: number, aim?: number): Check => ({
    what: `\`${name}\` ÷ \`${peer}\`, requests/s at 64 connections`,
    measured: rate(name) / rate(peer),
    target: { atLeast },
    ...(aim !== undefined && { aim }),
  });
  return [
    times("millrace-hello", "naive-pipe", 2.5, 3),
    times("millrace-hello", "workerd", 1.5, 1.7),
    times("millrace-hello", "moleculer", 3),
    times("millrace-handler", "naive-pipe", 1.5, 2),
    {
      what: "gateway CPU per request, `millrace-hello` at 64 connections",
      measured: find("millrace-hello", 64)?.gatewayCpuUs ?? Number.NaN,
      target: { atMost: 40 },
      unit: " µs",
    },
    {
      what: "p50 of `millrace-hello` ÷ `naive-pipe`, one connection",
      measured: Number(find("millrace-hello", 1)?.p50Ms) / Number(find("naive-pipe", 1)?.p50Ms),
      target: { atMost: 1 },
    },
  ];
}

function chartOf(result: readonly Row[]) {
  const bars = result
    .filter(({ connections }) => connections === 64)
    .map(({ name, spread }) => ({ name, ...(spread?.rps ?? spreadOf([])) }));
  const title = "Requests per second at 64 connections";
  return { file: "rows.svg", alt: title, svg: barChart({ title, bars }) };
}

import { cpuMsOf } from "./programs.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import type { StartTarget, Target } from "./target.ts";
import { runWrk, type Wrk } from "./wrk.ts";

// The table: every target is measured in turn, round after round, so that a machine whose speed drifts does so for all of them alike. Only one
// target runs at a time.

export interface RowPlan {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  /** Connections of each measurement of a round. */
  connections: readonly number[];
}

export interface Row {
  name: string;
  connections: number;
  rps: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
  /** Of the process that takes the HTTP requests, by the operating system's accounting, per answered request. */
  gatewayCpuUs: Spread;
  errors: number;
}

interface Sample {
  rps: number;
  p50Ms: number;
  p99Ms: number;
  gatewayCpuUs: number;
  errors: number;
}

export async function measureRows(
  targets: Readonly<Record<string, StartTarget>>,
  plan: RowPlan,
  wrk: Wrk,
  print: (line: string) => void,
): Promise<Row[]> {
  const samples = new Map<string, Sample[]>();
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, start] of Object.entries(targets)) {
      const target = await start();
      if (!target) continue;
      try {
        await measureTarget(name, target, plan, wrk, samples, (text) =>
          print(`round ${round}/${plan.rounds}  ${text}`),
        );
      } finally {
        await target.stop();
      }
    }
  }
  return Object.keys(targets).flatMap((name) =>
    plan.connections.map((connections) => rowOf(name, connections, samples)),
  );
}

async function measureTarget(
  name: string,
  target: Target,
  plan: RowPlan,
  wrk: Wrk,
  samples: Map<string, Sample[]>,
  print: (text: string) => void,
): Promise<void> {
  const { url, script } = target;
  const run = { url, ...(script && { script }) };
  await runWrk(wrk, { ...run, connections: 16, seconds: plan.warmUpSeconds });
  for (const connections of plan.connections) {
    const cpuBefore = cpuMsOf(target.gatewayPid);
    const result = await runWrk(wrk, { ...run, connections, seconds: plan.seconds });
    const gatewayCpuUs = ((cpuMsOf(target.gatewayPid) - cpuBefore) * 1_000) / result.requests;
    const key = `${name} ${connections}`;
    samples.set(key, [...(samples.get(key) ?? []), { ...result, gatewayCpuUs }]);
    print(
      `${name.padEnd(20)} c=${connections}  ${result.rps.toFixed(0)} requests/s  p50 ${result.p50Ms.toFixed(2)} ms  errors ${result.errors}`,
    );
  }
}

function rowOf(name: string, connections: number, samples: ReadonlyMap<string, Sample[]>): Row {
  const own = samples.get(`${name} ${connections}`) ?? [];
  const spread = (field: keyof Sample) => spreadOf(own.map((sample) => sample[field]));
  return {
    name,
    connections,
    rps: spread("rps"),
    p50Ms: spread("p50Ms"),
    p99Ms: spread("p99Ms"),
    gatewayCpuUs: spread("gatewayCpuUs"),
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
  };
}

import { fork } from "node:child_process";
import type { Bench, Scenario } from "../bench.ts";
import type { PlanLevel, PlanOrder } from "../plan/plan-level.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";

const WORKER = new URL("../plan/plan-worker.ts", import.meta.url).pathname;
const FULL = { rounds: 3, order: { groupCounts: [100, 1_000, 10_000], lookups: 500_000, swaps: 1_000 } };
const SHORT = { rounds: 1, order: { groupCounts: [100, 1_000], lookups: 50_000, swaps: 200 } };
const TIMEOUT_MS = 300_000;

type Level = { [Field in keyof PlanLevel]: Spread };

export const plan: Scenario<Level[]> = {
  name: "plan",
  key: "plan",
  about: "100 000 APIs in a gateway's plan",
  measure,
  present,
};

async function measure({ isShort, signal, print }: Bench): Promise<Level[]> {
  const { rounds, order } = isShort ? SHORT : FULL;
  const runs: PlanLevel[][] = [];
  for (let round = 1; round <= rounds; round++) {
    runs.push(await runWorker(order, signal));
    const last = runs.at(-1)!.at(-1)!;
    print(
      `round ${round}/${rounds}  ${last.apis} APIs: swap p99 ${last.swapP99Ms.toFixed(2)} ms, lookup ${last.lookupUs.toFixed(2)} µs`,
    );
  }
  return order.groupCounts.map((_, at) => levelOf(runs.map((levels) => levels[at]!)));
}

function levelOf(samples: readonly PlanLevel[]): Level {
  const fields = Object.keys(samples[0]!) as (keyof PlanLevel)[];
  return Object.fromEntries(fields.map((field) => [field, spreadOf(samples.map((sample) => sample[field]))])) as Level;
}

function runWorker(order: PlanOrder, signal: AbortSignal): Promise<PlanLevel[]> {
  const child = fork(WORKER, [], {
    execArgv: ["--expose-gc"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  return new Promise((resolve, reject) => {
    child.once("message", (levels) => resolve(levels as PlanLevel[]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the plan's process ended with ${code}`)));
    child.send(order, (error) => error && reject(error));
  });
}

function present(levels: readonly Level[]): Section {
  const [smallest, largest] = [levels[0], levels.at(-1)];
  return {
    title: "APIs in a gateway's plan",
    text: `The gateway's code in a process of its own, fed with packed records as they come from the bus: groups of 10 APIs, half of them with a parameter
in the path. \`load\` is all releases so far, one after the other; \`swap\` is from a record that points at a new snapshot until that is
served (unpack, digest, decode, compile), ${FULL.order.swaps} times; \`lookup\` is from a host label and a path to the route, ${FULL.order.lookups / 1_000} 000 in no order. Memory is
what V8 holds after a collection of garbage, above an empty plan. ${FULL.rounds} rounds.`,
    head: ["groups", "APIs", "load ms", "swap p50 ms", "swap p99 ms", "swap max ms", "lookup µs", "memory MiB"],
    rows: levels.map((level) => [
      level.groups.median.toFixed(0),
      level.apis.median.toFixed(0),
      shownSpread(level.loadMs, 0),
      shownSpread(level.swapP50Ms, 3),
      shownSpread(level.swapP99Ms, 3),
      shownSpread(level.swapMaxMs, 2),
      shownSpread(level.lookupUs, 3),
      shownSpread(level.heldMiB, 1),
    ]),
    checks: [
      {
        what: `p99 of a swap among ${largest?.apis.median} APIs`,
        measured: largest?.swapP99Ms.median ?? Number.NaN,
        target: { below: 1 },
        unit: " ms",
      },
      {
        what: `lookup among ${largest?.apis.median} APIs ÷ among ${smallest?.apis.median}`,
        measured: (largest?.lookupUs.median ?? Number.NaN) / (smallest?.lookupUs.median ?? Number.NaN),
        target: { atMost: 2 },
      },
    ],
    charts: [],
  };
}

import type { Bench, Scenario } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { waiting } from "../targets/functions.ts";
import { deployFunction, withPlatform } from "../targets/platform.ts";

// What a second runner adds where slots are what is scarce: the function waits, so that two runners on one machine do not compete.

const FUNCTION_MS = 50;
const SLOTS = 16;
const CONNECTIONS = 64;
const FULL = { rounds: 3, seconds: 6, warmUpSeconds: 3 };
const SHORT = { rounds: 1, seconds: 3, warmUpSeconds: 2 };

interface Runners {
  /** Of the rounds' pairs. */
  ratio: Spread;
  /** Good answers per second. */
  one: Spread;
  two: Spread;
  errors: number;
}

export const runners: Scenario<Runners> = {
  name: "runners",
  key: "runners",
  about: "a second runner for a function that waits",
  measure,
  present,
};

async function measure(bench: Bench): Promise<Runners> {
  const plan = bench.isShort ? SHORT : FULL;
  const rates: [number[], number[]] = [[], []];
  let errors = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const count of [1, 2]) {
      const sample = await measureOnce(bench, count, plan);
      rates[count - 1]!.push(sample.goodPerSecond);
      errors += sample.errors;
      bench.print(
        `round ${round}/${plan.rounds}  ${count} of ${SLOTS} slots: ${sample.goodPerSecond.toFixed(0)} answers/s`,
      );
    }
  }
  const [one, two] = rates;
  return { ratio: spreadOf(two.map((rate, i) => rate / one[i]!)), one: spreadOf(one), two: spreadOf(two), errors };
}

function measureOnce(bench: Bench, count: number, { seconds, warmUpSeconds }: typeof FULL) {
  return withPlatform(bench, { runners: count, runnerSlots: SLOTS }, async (platform) => {
    const url = await deployFunction(platform, "wait", waiting(FUNCTION_MS));
    const run = { url, connections: CONNECTIONS };
    await runWrk(bench.wrk, { ...run, seconds: warmUpSeconds }, bench.signal);
    const { rps, errors } = await runWrk(bench.wrk, { ...run, seconds }, bench.signal);
    return { goodPerSecond: rps, errors };
  });
}

function present({ ratio, one, two, errors }: Runners): Section {
  const bound = (count: number) => `${(count * SLOTS * 1_000) / FUNCTION_MS}`;
  return {
    title: "One runner and two",
    text: `A function that waits ${FUNCTION_MS} ms, one call at a time in each instance; runners of ${SLOTS} slots; wrk with ${CONNECTIONS} connections, ${FULL.seconds} s after ${FULL.warmUpSeconds} s
to warm up, ${FULL.rounds} rounds. Calls that failed: ${errors}.`,
    head: ["runners", "good answers/s", "what the slots allow"],
    rows: [
      ["1", shownSpread(one, 0), bound(1)],
      ["2", shownSpread(two, 0), bound(2)],
    ],
    checks: [{ what: "two runners ÷ one", measured: ratio.median, target: { atLeast: 1.9 } }],
    charts: [],
  };
}

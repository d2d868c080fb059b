import type { Bench, Scenario } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { FETCH_HELLO } from "../targets/functions.ts";
import { deployFunction, withPlatform } from "../targets/platform.ts";

// What the fence of the full tier costs: namespaces, the filter of system calls, a network of its own.

const CONNECTIONS = 64;
const FULL = { rounds: 3, seconds: 6, warmUpSeconds: 3 };
const SHORT = { rounds: 1, seconds: 3, warmUpSeconds: 2 };
const TIERS = { full: {}, reduced: { withoutBubblewrap: true } } as const;
type Tier = keyof typeof TIERS;

interface Isolation {
  /** Of the rounds' pairs. */
  ratio: Spread;
  /** Answers per second. */
  full: Spread;
  reduced: Spread;
  errors: number;
}

export const isolation: Scenario<Isolation> = {
  name: "isolation",
  key: "isolation",
  about: "what the fence of a sandbox costs a hello",
  measure,
  present,
};

async function measure(bench: Bench): Promise<Isolation> {
  const plan = bench.isShort ? SHORT : FULL;
  const rates: Record<Tier, number[]> = { full: [], reduced: [] };
  let errors = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const tier of Object.keys(TIERS) as Tier[]) {
      const sample = await measureOnce(bench, tier, plan);
      rates[tier].push(sample.rps);
      errors += sample.errors;
      bench.print(`round ${round}/${plan.rounds}  ${tier}: ${sample.rps.toFixed(0)} answers/s`);
    }
  }
  const { full, reduced } = rates;
  const ratio = spreadOf(full.map((rate, i) => rate / reduced[i]!));
  return { ratio, full: spreadOf(full), reduced: spreadOf(reduced), errors };
}

function measureOnce(bench: Bench, tier: Tier, { seconds, warmUpSeconds }: typeof FULL) {
  return withPlatform(bench, { runners: 1, ...TIERS[tier] }, async (platform) => {
    const run = { url: await deployFunction(platform, "hello", FETCH_HELLO), connections: CONNECTIONS };
    await runWrk(bench.wrk, { ...run, seconds: warmUpSeconds }, bench.signal);
    return runWrk(bench.wrk, { ...run, seconds }, bench.signal);
  });
}

function present({ ratio, full, reduced, errors }: Isolation): Section {
  return {
    title: "The fence of a sandbox",
    text: `wrk calls \`millrace-hello\` of one runner with ${CONNECTIONS} connections, ${FULL.seconds} s after ${FULL.warmUpSeconds} s to warm up, ${FULL.rounds} rounds: in the full
tier, and without bubblewrap, where a sandbox has a user of its own and limits but shares the machine's namespaces. Calls that failed: ${errors}.`,
    head: ["tier", "answers/s"],
    rows: [
      ["full", shownSpread(full, 0)],
      ["reduced", shownSpread(reduced, 0)],
    ],
    checks: [{ what: "the full tier ÷ the reduced", measured: ratio.median, target: { atLeast: 0.9 } }],
    charts: [],
  };
}

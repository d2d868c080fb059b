import type { Bench } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { FETCH_HELLO } from "./functions.ts";
import { deployFunction, type PlatformShape, withPlatform } from "./platform.ts";

// A hello of one runner, on platforms that differ in one thing, one right after the other.

export const CONNECTIONS = 64;
export const FULL = { rounds: 3, seconds: 6, warmUpSeconds: 3 };
const SHORT = { rounds: 1, seconds: 3, warmUpSeconds: 2 };

export interface Variants<Name extends string> {
  /** The first ÷ the second, of the rounds' pairs. */
  ratio: Spread;
  /** Answers per second. */
  rps: Record<Name, Spread>;
  errors: number;
}

/** Measures two shapes of the platform in alternating rounds. */
export async function compareHellos<Name extends string>(
  bench: Bench,
  [first, second]: readonly [Name, Name],
  shapes: Record<Name, PlatformShape>,
): Promise<Variants<Name>> {
  const plan = bench.isShort ? SHORT : FULL;
  const rates = { [first]: [], [second]: [] } as unknown as Record<Name, number[]>;
  let errors = 0;
  for (let round = 1; round <= plan.rounds; round++) {
    for (const name of [first, second]) {
      const sample = await measureOnce(bench, shapes[name], plan);
      rates[name].push(sample.rps);
      errors += sample.errors;
      bench.print(`round ${round}/${plan.rounds}  ${name}: ${sample.rps.toFixed(0)} answers/s`);
    }
  }
  const ratio = spreadOf(rates[first].map((rate, i) => rate / rates[second][i]!));
  const rps = { [first]: spreadOf(rates[first]), [second]: spreadOf(rates[second]) } as Record<Name, Spread>;
  return { ratio, rps, errors };
}

function measureOnce(bench: Bench, shape: PlatformShape, { seconds, warmUpSeconds }: typeof FULL) {
  return withPlatform(bench, { runners: 1, ...shape }, async (platform) => {
    const run = { url: await deployFunction(platform, "hello", FETCH_HELLO), connections: CONNECTIONS };
    await runWrk(bench.wrk, { ...run, seconds: warmUpSeconds }, bench.signal);
    return runWrk(bench.wrk, { ...run, seconds }, bench.signal);
  });
}

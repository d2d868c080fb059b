import { parseArgs } from "node:util";
import { simulateScale } from "./scale.ts";
import { simulateSeed } from "./simulate-seed.ts";

// `npm run simulate -- --seeds 10000 [--from 1]` lives that many lives and tells the seeds in which a rule was broken; `--seed n` lives one
// of them again; `--scale` has a hundred gateways place calls on a thousand runners.

const USAGE = "usage: npm run simulate -- --seeds <count> [--from <seed>] | --seed <seed> | --scale";
const TOLD_MAX = 10;

const OPTIONS = {
  seeds: { type: "string" },
  from: { type: "string" },
  seed: { type: "string" },
  scale: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const values = readArguments();
if (values.help) console.log(USAGE);
else if (values.scale) runScale();
else if (values.seed !== undefined) runSeeds(toCount(values.seed), 1);
else if (values.seeds !== undefined) runSeeds(toCount(values.from ?? "1"), toCount(values.seeds));
else {
  console.error(USAGE);
  process.exitCode = 2;
}

/** Nothing, for what is wrong: then the usage is said. */
function readArguments(): Partial<ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"]> {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    console.error((error as Error).message);
    return {};
  }
}

function runSeeds(from: number, count: number): void {
  const startedAt = performance.now();
  const outcomes: Record<string, number> = {};
  let broken = 0;
  for (let seed = from; seed < from + count; seed++) {
    const { violations, outcomes: some } = simulateSeed(seed);
    for (const [outcome, times] of Object.entries(some)) outcomes[outcome] = (outcomes[outcome] ?? 0) + times;
    if (violations.length === 0) continue;
    broken++;
    console.error(`seed ${seed}: npm run simulate -- --seed ${seed}`);
    for (const violation of violations.slice(0, TOLD_MAX)) console.error(`  ${violation}`);
  }
  console.log(`${count} seeds in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s, ${broken} broken`);
  console.log(outcomes);
  if (broken > 0) process.exitCode = 1;
}

function runScale(): void {
  for (const load of [0.5, 0.7]) {
    const startedAt = performance.now();
    const result = simulateScale({ gateways: 100, runners: 1_000, load, seed: 1, measuredMs: 1_000 });
    console.log(`100 gateways, 1000 runners, load ${load} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`);
    console.log(result);
  }
}

function toCount(text: string): number {
  const count = Number(text);
  if (text !== "" && Number.isSafeInteger(count) && count >= 0) return count;
  console.error(USAGE);
  process.exit(2);
}

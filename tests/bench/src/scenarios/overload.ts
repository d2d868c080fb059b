import type { Bench, Scenario } from "../bench.ts";
import type { StreamResult } from "../load/load-plan.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { type Section, shown, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { waiting } from "../targets/functions.ts";
import { deployFunction, withPlatform } from "../targets/platform.ts";

// Four times as many requests as there is room for. What is accepted must still be answered at nearly full capacity, and the rest must be
// told at once. Good answers are counted by when they arrive: a queue that empties after the end is no goodput.

const FUNCTION_MS = 20;
const SLOTS = 20;
const TIMES_CAPACITY = 4;
const CAPACITY_PER_SECOND = (SLOTS * 1_000) / FUNCTION_MS;
const FULL = { rounds: 3, warmUpMs: 5_000, durationMs: 10_000 };
const SHORT = { rounds: 1, warmUpMs: 3_000, durationMs: 4_000 };
const TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 8_192;

interface Overload {
  /** Medians of the rounds. */
  goodputRatio: number;
  rejectP50Ms: number;
  goodput: Spread;
  goodP50Ms: Spread;
  goodP99Ms: Spread;
  rejectMs: Spread;
  rejectP99Ms: Spread;
  /** Of all rounds, by status, or by why there was none. */
  answers: Record<string, number>;
  generatorCores: number;
}

export const overload: Scenario<Overload> = {
  name: "overload",
  key: "overload",
  about: `four times the load that ${SLOTS} slots can carry`,
  measure: (bench) =>
    withPlatform(bench, { runners: 1, runnerSlots: SLOTS }, async (platform) =>
      measure(bench, await deployFunction(platform, "wait", waiting(FUNCTION_MS))),
    ),
  present,
};

async function measure({ isShort, signal, print }: Bench, url: string): Promise<Overload> {
  const { rounds, ...time } = isShort ? SHORT : FULL;
  const stream = { name: "calls", url, ratePerSecond: TIMES_CAPACITY * CAPACITY_PER_SECOND, timeoutMs: TIMEOUT_MS };
  const results: StreamResult[] = [];
  let generatorCores = 0;
  for (let round = 1; round <= rounds; round++) {
    const load = await runOpenLoop({ streams: [stream], ...time, connectionsMax: CONNECTIONS_MAX }, signal);
    generatorCores = Math.max(generatorCores, load.generatorCores);
    results.push(load.streams[0]!);
    const arrived = load.streams[0]!.answers[200]?.arrivedPerSecond ?? 0;
    print(`round ${round}/${rounds}  ${arrived.toFixed(0)} good answers/s of ${CAPACITY_PER_SECOND}`);
  }
  return summaryOf(results, generatorCores);
}

function summaryOf(results: readonly StreamResult[], generatorCores: number): Overload {
  const of = (status: number, pick: "p50Ms" | "p99Ms") =>
    spreadOf(results.map(({ answers }) => answers[status]?.[pick] ?? Number.NaN));
  const goodput = spreadOf(results.map(({ answers }) => (answers[200]?.arrivedPerSecond ?? 0) / CAPACITY_PER_SECOND));
  const answers: Record<string, number> = {};
  for (const result of results) {
    for (const [outcome, { count }] of Object.entries(result.answers))
      answers[outcome] = (answers[outcome] ?? 0) + count;
  }
  const rejectMs = of(503, "p50Ms");
  return {
    goodputRatio: goodput.median,
    rejectP50Ms: rejectMs.median,
    goodput,
    goodP50Ms: of(200, "p50Ms"),
    goodP99Ms: of(200, "p99Ms"),
    rejectMs,
    rejectP99Ms: of(503, "p99Ms"),
    answers,
    generatorCores,
  };
}

function present(result: Overload): Section {
  const { goodput, goodP50Ms, goodP99Ms, rejectMs, rejectP99Ms, answers, generatorCores } = result;
  const counts = Object.entries(answers).map(([outcome, count]) => `${outcome}: ${count}`);
  return {
    title: "Overload",
    text: `A function that waits ${FUNCTION_MS} ms, one call at a time in each instance, on one runner of ${SLOTS} slots: capacity ${CAPACITY_PER_SECOND} calls per
second. An open loop sends ${TIMES_CAPACITY * CAPACITY_PER_SECOND} per second for ${FULL.durationMs / 1_000} s, ${FULL.rounds} rounds. Goodput counts the 200 answers that arrive in that time; rejections are
503. All answers: ${counts.join(", ")}. The generator used ${shown(generatorCores, 2)} of a core.`,
    head: ["", "result"],
    rows: [
      ["goodput ÷ capacity", shownSpread(goodput, 3)],
      ["p50 of good answers, ms", shownSpread(goodP50Ms, 1)],
      ["p99 of good answers, ms", shownSpread(goodP99Ms, 1)],
      ["p50 of rejections, ms", shownSpread(rejectMs, 2)],
      ["p99 of rejections, ms", shownSpread(rejectP99Ms, 2)],
    ],
    checks: [
      { what: "goodput ÷ capacity", measured: result.goodputRatio, target: { atLeast: 0.9 } },
      { what: "p50 of rejections", measured: result.rejectP50Ms, target: { below: 5 }, unit: " ms" },
    ],
    charts: [],
  };
}

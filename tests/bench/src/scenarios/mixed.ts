import type { Bench, Scenario } from "../bench.ts";
import type { StreamResult } from "../load/load-plan.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { waiting } from "../targets/functions.ts";
import { deploy, untilServes, withPlatform } from "../targets/platform.ts";

// Short calls beside long ones. Half of all slots are busy with long calls; whoever places short calls without looking puts them behind
// these.

const RUNNERS = 2;
const SLOTS = 8;
const FAST = { name: "fast", ms: 5, ratePerSecond: 300, timeoutMs: 5_000 };
const SLOW = { name: "slow", ms: 5_000, ratePerSecond: 1.6, timeoutMs: 20_000 };
const FULL = { rounds: 3, durationMs: 15_000 };
const SHORT = { rounds: 1, durationMs: 3_000 };
/** Until the long calls that run are as many as they will be. */
const WARM_UP_MS = 7_000;
const CONNECTIONS_MAX = 2_048;

interface Side {
  p50Ms: Spread;
  p99Ms: Spread;
  /** Answers other than 200, and requests without any. */
  errors: number;
}

interface Mixed {
  /** The p99 of the short calls beside long ones, divided by their p99 alone: of the rounds' pairs. */
  p99Ratio: Spread;
  alone: Side;
  beside: Side;
  slowErrors: number;
}

export const mixed: Scenario<Mixed> = {
  name: "mixed",
  key: "mixed",
  about: "calls of 5 ms beside calls of 5 s",
  measure: (bench) =>
    withPlatform(bench, { runners: RUNNERS, runnerSlots: SLOTS }, async (platform) => {
      const functions = { fast: { code: waiting(FAST.ms) }, slow: { code: waiting(SLOW.ms) } };
      const apis = {
        fast: { method: "GET", path: "/fast", backend: "fast" },
        slow: { method: "GET", path: "/slow", backend: "slow" },
      };
      const { url } = await deploy(platform, { functions, apis });
      for (const { name } of [FAST, SLOW]) await untilServes(`${url}/${name}`);
      return measure(bench, url);
    }),
  present,
};

async function measure({ isShort, signal, print }: Bench, url: string): Promise<Mixed> {
  const { rounds, durationMs } = isShort ? SHORT : FULL;
  const load = async (streams: readonly (typeof FAST)[]) => {
    const plans = streams.map((stream) => ({ ...stream, url: `${url}/${stream.name}` }));
    const plan = { streams: plans, warmUpMs: WARM_UP_MS, durationMs, connectionsMax: CONNECTIONS_MAX };
    return (await runOpenLoop(plan, signal)).streams;
  };
  const alone: StreamResult[] = [];
  const beside: StreamResult[] = [];
  let slowErrors = 0;
  for (let round = 1; round <= rounds; round++) {
    alone.push((await load([FAST]))[0]!);
    const [fast, slow] = await load([FAST, SLOW]);
    beside.push(fast!);
    slowErrors += errorsOf(slow!);
    print(
      `round ${round}/${rounds}  p99 alone ${p99Of(alone.at(-1)!).toFixed(1)} ms, beside ${p99Of(fast!).toFixed(1)} ms`,
    );
  }
  return {
    p99Ratio: spreadOf(beside.map((result, i) => p99Of(result) / p99Of(alone[i]!))),
    alone: sideOf(alone),
    beside: sideOf(beside),
    slowErrors,
  };
}

const p99Of = ({ answers }: StreamResult): number => answers[200]?.p99Ms ?? Number.NaN;
const errorsOf = ({ requests, answers }: StreamResult): number => requests - (answers[200]?.count ?? 0);

function sideOf(results: readonly StreamResult[]): Side {
  return {
    p50Ms: spreadOf(results.map(({ answers }) => answers[200]?.p50Ms ?? Number.NaN)),
    p99Ms: spreadOf(results.map(p99Of)),
    errors: results.reduce((sum, result) => sum + errorsOf(result), 0),
  };
}

function present({ p99Ratio, alone, beside, slowErrors }: Mixed): Section {
  const row = (name: string, { p50Ms, p99Ms, errors }: Side) => [
    name,
    shownSpread(p50Ms, 2),
    shownSpread(p99Ms, 2),
    `${errors}`,
  ];
  return {
    title: "Short calls beside long ones",
    text: `Two functions, one call at a time in each instance, on ${RUNNERS} runners of ${SLOTS} slots. An open loop sends ${FAST.ratePerSecond} calls of ${FAST.ms} ms per second,
first alone, then beside ${SLOW.ratePerSecond} calls of ${SLOW.ms / 1_000} s per second, which keep half of all slots busy; ${FULL.durationMs / 1_000} s each after ${WARM_UP_MS / 1_000} s to
settle, ${FULL.rounds} rounds. Of the long calls ${slowErrors} failed.`,
    head: [`${FAST.ms} ms calls`, "p50 ms", "p99 ms", "errors"],
    rows: [row("alone", alone), row(`beside ${SLOW.ms / 1_000} s calls`, beside)],
    checks: [{ what: "p99 beside long calls ÷ p99 alone", measured: p99Ratio.median, target: { atMost: 1.5 } }],
    charts: [],
  };
}

import type { Bench, Scenario } from "../bench.ts";
import { runWrk } from "../load/wrk.ts";
import { lineChart } from "../report/chart.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { FETCH_HELLO } from "../targets/functions.ts";
import { deployFunction, withPlatform } from "../targets/platform.ts";

const FULL = { rounds: 3, seconds: 3, warmUpSeconds: 3, connections: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] };
const SHORT = { rounds: 1, seconds: 1, warmUpSeconds: 1, connections: [1, 64, 512] };

interface Level {
  connections: number;
  rps: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
  errors: number;
}

export const concurrency: Scenario<Level[]> = {
  name: "concurrency",
  key: "concurrency",
  about: "a hello at 1 to 512 connections",
  measure: (bench) =>
    withPlatform(bench, {}, async (platform) => measure(bench, await deployFunction(platform, "hello", FETCH_HELLO))),
  present,
};

async function measure({ isShort, wrk, signal, print }: Bench, url: string): Promise<Level[]> {
  const plan = isShort ? SHORT : FULL;
  const samples = new Map(
    plan.connections.map((connections) => [connections, [] as Awaited<ReturnType<typeof runWrk>>[]]),
  );
  await runWrk(wrk, { url, connections: 64, seconds: plan.warmUpSeconds }, signal);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [connections, own] of samples) {
      const sample = await runWrk(wrk, { url, connections, seconds: plan.seconds }, signal);
      own.push(sample);
      print(`round ${round}/${plan.rounds}  c=${connections}  ${sample.rps.toFixed(0)} requests/s`);
    }
  }
  return [...samples].map(([connections, own]) => ({
    connections,
    rps: spreadOf(own.map(({ rps }) => rps)),
    p50Ms: spreadOf(own.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(own.map(({ p99Ms }) => p99Ms)),
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
  }));
}

function present(levels: readonly Level[]): Section {
  const line = (name: string, pick: (level: Level) => Spread) => ({
    name,
    points: levels.map((level) => ({ x: level.connections, y: pick(level).median })),
  });
  const axis = { xLabel: "connections", logarithmicX: true };
  const rate = "Requests per second by connections";
  const latency = "Latency by connections";
  return {
    title: "Concurrency",
    text: `wrk calls \`millrace-hello\` of one runner with as many connections as the row says, ${FULL.seconds} s each, ${FULL.rounds} rounds over all levels.`,
    head: ["connections", "requests/s", "p50 ms", "p99 ms", "errors"],
    rows: levels.map(({ connections, rps, p50Ms, p99Ms, errors }) => [
      String(connections),
      shownSpread(rps, 0),
      shownSpread(p50Ms, 2),
      shownSpread(p99Ms, 2),
      String(errors),
    ]),
    checks: [],
    charts: [
      {
        file: "concurrency.svg",
        alt: rate,
        svg: lineChart({ ...axis, title: rate, yLabel: "requests/s", series: [line("requests/s", ({ rps }) => rps)] }),
      },
      {
        file: "concurrency-latency.svg",
        alt: latency,
        svg: lineChart({
          ...axis,
          title: latency,
          yLabel: "ms",
          series: [line("p50", ({ p50Ms }) => p50Ms), line("p99", ({ p99Ms }) => p99Ms)],
        }),
      },
    ],
  };
}

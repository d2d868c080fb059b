import type { Bench, Scenario } from "../bench.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { runWrk } from "../load/wrk.ts";
import { lineChart } from "../report/chart.ts";
import { type Section, shown } from "../report/section.ts";
import { slopeOf } from "../statistics.ts";
import { residentOf } from "../system/resident.ts";
import { FETCH_HELLO } from "../targets/functions.ts";
import { type BenchPlatform, deployFunction, withPlatform } from "../targets/platform.ts";

// Half of what the platform can do, for long: what leaks shows as a slope of resident memory once everything has warmed up.

const FULL = { durationMs: 600_000, intervalMs: 10_000, capacitySeconds: 10 };
const SHORT = { durationMs: 20_000, intervalMs: 1_000, capacitySeconds: 2 };
/** The slope counts from here. */
const SETTLED_PART = 0.2;
const MS_PER_MINUTE = 60_000;
const TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 256;
const CAPACITY_CONNECTIONS = 64;
const CHARTED = /^(gateway|runner|sandbox|nats)/;

interface Grown {
  name: string;
  /** At each look; NaN while the process was not there. */
  mib: number[];
  slopeMiBPerMinute: number;
}

interface Soak {
  ratePerSecond: number;
  minutes: number;
  intervalMs: number;
  p50Ms: number;
  p99Ms: number;
  answers: Record<string, number>;
  processes: Grown[];
}

export const soak: Scenario<Soak> = {
  name: "soak",
  key: "soak",
  about: "ten minutes at half load, and what every process keeps",
  onlyByName: true,
  measure: (bench) =>
    withPlatform(bench, {}, async (platform) =>
      measure(bench, platform, await deployFunction(platform, "hello", FETCH_HELLO)),
    ),
  present,
};

async function measure(bench: Bench, platform: BenchPlatform, url: string): Promise<Soak> {
  const plan = bench.isShort ? SHORT : FULL;
  const capacity = { url, connections: CAPACITY_CONNECTIONS, seconds: plan.capacitySeconds };
  await runWrk(bench.wrk, capacity, bench.signal);
  const { rps } = await runWrk(bench.wrk, capacity, bench.signal);
  const ratePerSecond = Math.round(rps / 2);
  bench.print(`${plan.durationMs / MS_PER_MINUTE} min at ${ratePerSecond} requests/s`);

  const looks: Map<string, number>[] = [];
  const looking = setInterval(() => looks.push(residentOf(platform.everyProcess)), plan.intervalMs);
  try {
    const stream = { name: "calls", url, ratePerSecond, timeoutMs: TIMEOUT_MS };
    const load = { streams: [stream], warmUpMs: 0, durationMs: plan.durationMs, connectionsMax: CONNECTIONS_MAX };
    const [result] = (await runOpenLoop(load, bench.signal)).streams;
    const { p50Ms = Number.NaN, p99Ms = Number.NaN } = result!.answers[200] ?? {};
    return {
      ratePerSecond,
      minutes: plan.durationMs / MS_PER_MINUTE,
      intervalMs: plan.intervalMs,
      p50Ms,
      p99Ms,
      answers: Object.fromEntries(Object.entries(result!.answers).map(([outcome, { count }]) => [outcome, count])),
      processes: grownOf(looks, plan.intervalMs),
    };
  } finally {
    clearInterval(looking);
  }
}

/** Sandboxes are numbered in the order in which they were seen. */
function grownOf(looks: readonly ReadonlyMap<string, number>[], intervalMs: number): Grown[] {
  const names = [...new Set(looks.flatMap((look) => [...look.keys()]))];
  const sandboxes = names.filter((name) => name.startsWith("sandbox "));
  return names.map((name) => {
    const mib = looks.map((look) => look.get(name) ?? Number.NaN);
    const shownName = name.startsWith("sandbox ") ? `sandbox ${sandboxes.indexOf(name) + 1}` : name;
    const settled = mib
      .map((y, i) => ({ x: ((i + 1) * intervalMs) / MS_PER_MINUTE, y }))
      .slice(Math.floor(looks.length * SETTLED_PART))
      .filter(({ y }) => Number.isFinite(y));
    return { name: shownName, mib, slopeMiBPerMinute: settled.length < 2 ? Number.NaN : slopeOf(settled) };
  });
}

function present({ ratePerSecond, minutes, intervalMs, p50Ms, p99Ms, answers, processes }: Soak): Section {
  const title = "Resident memory at half load";
  const counts = Object.entries(answers).map(([outcome, count]) => `${outcome}: ${count}`);
  const slopes = processes.map(({ slopeMiBPerMinute }) => slopeMiBPerMinute).filter(Number.isFinite);
  const failed = Object.entries(answers).reduce((sum, [outcome, count]) => sum + (outcome === "200" ? 0 : count), 0);
  return {
    title: "Ten minutes at half load",
    text: `An open loop sends ${ratePerSecond} requests per second to \`millrace-hello\`, half of what wrk measured just before with ${CAPACITY_CONNECTIONS} connections, for ${shown(minutes, 1)} min.
Resident memory of every process is read each ${intervalMs / 1_000} s; the slope is the least-squares line through what was read after the first fifth (of ten
minutes: after the second). Answers: ${counts.join(", ")}; p50 ${shown(p50Ms, 2)} ms, p99 ${shown(p99Ms, 2)} ms.`,
    head: ["process", "first MiB", "last MiB", "slope, MiB/min"],
    rows: processes.map(({ name, mib, slopeMiBPerMinute }) => [
      name,
      shown(mib.find(Number.isFinite) ?? Number.NaN, 1),
      shown(mib.findLast(Number.isFinite) ?? Number.NaN, 1),
      shown(slopeMiBPerMinute, 2),
    ]),
    checks: [
      {
        what: "steepest slope of any process",
        measured: slopes.length === 0 ? Number.NaN : Math.max(...slopes),
        target: { below: 1 },
        unit: " MiB/min",
      },
      { what: "requests without a 200", measured: failed, target: { atMost: 0 } },
    ],
    charts: [
      {
        file: "soak.svg",
        alt: title,
        svg: lineChart({
          title,
          xLabel: "minutes",
          yLabel: "MiB",
          series: processes
            .filter(({ name }) => CHARTED.test(name))
            .map(({ name, mib }) => ({
              name,
              points: mib.map((y, i) => ({ x: ((i + 1) * intervalMs) / MS_PER_MINUTE, y })),
            })),
        }),
      },
    ],
  };
}

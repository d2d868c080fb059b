import { quantile, servedBetween, startTraffic, tookMs } from "./traffic.ts";
import type { Request } from "./world/ledger.ts";
import { HEALTHY, World } from "./world/world.ts";

// Many gateways that choose at the same time among many runners, each by what beats told it: how evenly the load lies, and how long
// requests wait.

export interface ScaleOptions {
  gateways: number;
  runners: number;
  /** Of all slots, the part that the requests need. */
  load: number;
  seed: number;
  measuredMs: number;
}

export interface ScaleResult {
  requests: number;
  answeredShare: number;
  /** Calls that runners began in the measured time, against their mean. */
  spread: { leastOfMean: number; mostOfMean: number };
  /** What a request took beside its function. */
  overheadMs: { p50: number; p99: number; max: number };
  rejectedPlacements: number;
}

const SLOTS = 16;
const RUN_MS = 200;
const PROJECTS = 10;
const VERSIONS = 4;
/** Until every runner is known, and versions are warm where they are needed. */
const WARM_UP_MS = 1_500;

export function simulateScale({ gateways, runners, load, seed, measuredMs }: ScaleOptions): ScaleResult {
  const world = new World({ seed, gateways, runners, slots: SLOTS, faults: HEALTHY });
  const { timeline } = world;
  const fromMs = timeline.nowMs + 500;
  const measuredFromMs = fromMs + WARM_UP_MS;
  const untilMs = measuredFromMs + measuredMs;
  const requestsPerSecond = (runners * SLOTS * load * 1_000) / RUN_MS / gateways;
  const asked: (readonly Request[])[] = [];
  for (let gateway = 0; gateway < gateways; gateway++) {
    const project = `p${gateway % PROJECTS}`;
    const traffic = { project, gateway, requestsPerSecond, runMs: RUN_MS, fromMs, untilMs, versions: VERSIONS };
    asked.push(startTraffic(world, traffic));
  }
  timeline.runUntil(measuredFromMs);
  const before = world.runners.map(({ callsBegun }) => callsBegun);
  const rejectedBefore = rejections(world);
  timeline.runUntil(untilMs);
  const begun = world.runners.map(({ callsBegun }, at) => callsBegun - before[at]!);
  const rejectedPlacements = rejections(world) - rejectedBefore;
  timeline.runUntil(untilMs + 8_000);

  const all = asked.flat();
  const { requests, answered } = servedBetween(all, measuredFromMs, untilMs);
  const overheads = requests.filter(({ outcome }) => outcome === "200").map((request) => tookMs(request) - RUN_MS);
  const mean = begun.reduce((sum, count) => sum + count, 0) / runners;
  return {
    requests: requests.length,
    answeredShare: answered / requests.length,
    spread: { leastOfMean: Math.min(...begun) / mean, mostOfMean: Math.max(...begun) / mean },
    overheadMs: {
      p50: quantile(overheads, 0.5),
      p99: quantile(overheads, 0.99),
      max: quantile(overheads, 1),
    },
    rejectedPlacements,
  };
}

function rejections({ runners }: World): number {
  return runners.reduce((sum, { callsRejected }) => sum + callsRejected, 0);
}

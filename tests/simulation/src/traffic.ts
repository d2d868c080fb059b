import type { Request } from "./world/ledger.ts";
import type { World } from "./world/world.ts";

export interface Traffic {
  project: string;
  /** Which gateway gets it. */
  gateway: number;
  requestsPerSecond: number;
  runMs: number;
  fromMs: number;
  untilMs: number;
  /** How many functions called each other before. */
  depth?: number;
  /** Versions of functions that are called in turn. */
  versions?: number;
}

export interface Served {
  requests: readonly Request[];
  answered: number;
  rejectedMsP50: number;
}

const TIMEOUT_MS = 5_000;

/** Asks as callers do who do not wait for each other: at times of their own, whatever is answered. Answers all requests, in order. */
export function startTraffic(world: World, traffic: Traffic): readonly Request[] {
  const { timeline, ledger, random } = world;
  const { project, gateway, requestsPerSecond, runMs, fromMs, untilMs, depth = 0, versions = 1 } = traffic;
  const requests: Request[] = [];
  const askNext = (): void => {
    if (timeline.nowMs >= untilMs) return;
    const id = `${project}/${gateway}/${depth}/${requests.length}`;
    const request = ledger.open({ id, project, safe: true, askedAtMs: timeline.nowMs, runMs });
    requests.push(request);
    const functionKey = `${project}-f${Math.floor(random() * versions)}@1`;
    world.gateways[gateway]!.ask({ request, functionKey, timeoutMs: TIMEOUT_MS, depth });
    timeline.after((-Math.log(1 - random()) * 1_000) / requestsPerSecond, askNext);
  };
  timeline.after(fromMs - timeline.nowMs, askNext);
  return requests;
}

/** What became of requests that were asked from `fromMs` until `untilMs`. */
export function servedBetween(requests: readonly Request[], fromMs: number, untilMs: number): Served {
  const asked = requests.filter(({ askedAtMs }) => askedAtMs >= fromMs && askedAtMs < untilMs);
  const rejectedMs = asked.filter(({ outcome }) => outcome === "overloaded").map(tookMs);
  return {
    requests: asked,
    answered: asked.filter(({ outcome }) => outcome === "200").length,
    rejectedMsP50: quantile(rejectedMs, 0.5),
  };
}

export function tookMs({ answeredAtMs, askedAtMs }: Request): number {
  return answeredAtMs - askedAtMs;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Bench, Scenario } from "../bench.ts";
import type { StreamResult } from "../load/load-plan.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { FETCH_HELLO } from "../targets/functions.ts";
import { HOSTILE_FUNCTIONS, type HostileFunction } from "../targets/hostile-functions.ts";
import { deploy, untilServes, withPlatform } from "../targets/platform.ts";

// A well-behaved project on the runner of one that takes what it can get. What the neighbour costs is paid by whoever shares its cores; it must
// not be felt in the answers.

const SLOTS = 64;
const CALM = { name: "calm", ratePerSecond: 300, timeoutMs: 5_000 };
const CONNECTIONS_MAX = 256;
const FULL = { rounds: 3, warmUpMs: 1_000, durationMs: 5_000 };
const SHORT = { rounds: 1, warmUpMs: 1_000, durationMs: 2_000 };
/** Until the machine is as it was before the last hostile function. */
const REST_MS = 2_000;
/** After a call that was refused at once, so that refusals are no load of their own. */
const REFUSED_PAUSE_MS = 20;
const RATIO_MAX = 2;

interface Side {
  p50Ms: Spread;
  p99Ms: Spread;
  /** Answers other than 200, and requests without any. */
  errors: number;
}

interface Beside extends Side {
  name: string;
  /** The p99 divided by that alone, right before. */
  p99Ratio: Spread;
  /** What became of the hostile calls, by status. */
  hostile: Record<string, number>;
}

/** One right after the other. */
interface Pair {
  alone: StreamResult;
  beside: StreamResult;
}

interface Neighbours {
  alone: Side;
  beside: Beside[];
}

export const neighbours: Scenario<Neighbours> = {
  name: "neighbours",
  key: "neighbours",
  about: "a calm project beside functions that take what they can get",
  measure: (bench) =>
    withPlatform(bench, { runners: 1, runnerSlots: SLOTS }, async (platform) => {
      const calm = await deploy(platform, {
        functions: { calm: { code: FETCH_HELLO } },
        apis: { calm: { method: "GET", path: "/calm", backend: "calm" } },
      });
      const urls = new Map<string, string>();
      for (const [name, { code, timeoutMs }] of Object.entries(HOSTILE_FUNCTIONS)) {
        const { url } = await deploy(platform, {
          functions: { hostile: { code, config: { timeoutMs } } },
          apis: { hostile: { method: "GET", path: "/hostile", backend: "hostile" } },
        });
        urls.set(name, `${url}/hostile`);
      }
      const calmUrl = `${calm.url}/calm`;
      await untilServes(calmUrl);
      return measure(bench, calmUrl, urls);
    }),
  present,
};

async function measure(
  { isShort, signal, print }: Bench,
  url: string,
  hostileUrls: ReadonlyMap<string, string>,
): Promise<Neighbours> {
  const { rounds, ...time } = isShort ? SHORT : FULL;
  const load = async () => {
    const plan = { streams: [{ ...CALM, url }], ...time, connectionsMax: CONNECTIONS_MAX };
    return (await runOpenLoop(plan, signal)).streams[0]!;
  };
  // The first round of all is for code to become warm.
  await load();
  const pairs = new Map([...hostileUrls.keys()].map((name) => [name, [] as Pair[]]));
  const hostile = new Map([...hostileUrls.keys()].map((name) => [name, {} as Record<string, number>]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, hostileUrl] of hostileUrls) {
      const alone = await load();
      const stop = startCalls(hostileUrl, HOSTILE_FUNCTIONS[name]!, hostile.get(name)!);
      const beside = await load().finally(stop);
      pairs.get(name)!.push({ alone, beside });
      const [aloneMs, besideMs] = [alone, beside].map((result) => p99Of(result).toFixed(2));
      print(`round ${round}/${rounds}  p99 alone ${aloneMs} ms, beside one that ${name} ${besideMs} ms`);
      await delay(REST_MS, undefined, { signal });
    }
  }
  return {
    alone: sideOf([...pairs.values()].flat().map(({ alone }) => alone)),
    beside: [...pairs].map(([name, measured]) => ({
      name,
      ...sideOf(measured.map(({ beside }) => beside)),
      p99Ratio: spreadOf(measured.map(({ alone, beside }) => p99Of(beside) / p99Of(alone))),
      hostile: hostile.get(name)!,
    })),
  };
}

/** Keeps calls under way until it is stopped; counts what became of them. */
function startCalls(
  url: string,
  { callers, timeoutMs }: HostileFunction,
  outcomes: Record<string, number>,
): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const stopping = new AbortController();
  const workers = Array.from({ length: callers }, async () => {
    while (!stopping.signal.aborted) {
      const outcome = await callOnce(
        url,
        agent,
        AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs * 2)]),
      );
      if (outcome !== "aborted") outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome !== "200") await delay(REFUSED_PAUSE_MS);
    }
  });
  return async () => {
    stopping.abort();
    await Promise.all(workers);
    agent.destroy();
  };
}

/** The status, once all of the answer was read and forgotten; or why there was none. */
function callOnce(url: string, agent: Agent, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(signal.aborted ? "aborted" : (error.code ?? "broken"));
    const request = get(url, { agent, signal }, (response) => {
      response.on("error", failed).on("end", () => resolve(String(response.statusCode)));
      response.resume();
    });
    request.on("error", failed);
  });
}

const p99Of = ({ answers }: StreamResult): number => answers[200]?.p99Ms ?? Number.NaN;

function sideOf(results: readonly StreamResult[]): Side {
  return {
    p50Ms: spreadOf(results.map(({ answers }) => answers[200]?.p50Ms ?? Number.NaN)),
    p99Ms: spreadOf(results.map(p99Of)),
    errors: results.reduce((sum, { requests, answers }) => sum + requests - (answers[200]?.count ?? 0), 0),
  };
}

function present({ alone, beside }: Neighbours): Section {
  const cellsOf = ({ p50Ms, p99Ms, errors }: Side) => [shownSpread(p50Ms, 2), shownSpread(p99Ms, 2), `${errors}`];
  const outcomes = (hostile: Record<string, number>) =>
    Object.entries(hostile)
      .map(([status, count]) => `${count} × ${status}`)
      .join(", ");
  return {
    title: "A calm project beside hostile ones",
    text: `A hello of one project is sent ${CALM.ratePerSecond} requests per second (an open loop, ${FULL.durationMs / 1_000} s after ${FULL.warmUpMs / 1_000} s to warm up, ${FULL.rounds} rounds), each time first alone, then
beside a function of another project on the same runner, which is called again and again and takes what it can get.`,
    head: ["beside a function that", "p50 ms", "p99 ms", "errors", "p99 ÷ alone", "hostile answers"],
    rows: [
      ["(alone)", ...cellsOf(alone), "", ""],
      ...beside.map((one) => [one.name, ...cellsOf(one), shownSpread(one.p99Ratio, 2), outcomes(one.hostile)]),
    ],
    checks: beside.map(({ name, p99Ratio }) => ({
      what: `p99 beside one that ${name} ÷ p99 alone`,
      measured: p99Ratio.median,
      target: { below: RATIO_MAX },
    })),
    charts: [],
  };
}

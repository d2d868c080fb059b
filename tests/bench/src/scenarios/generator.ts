import type { Bench, Scenario } from "../bench.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { type Section, shown } from "../report/section.ts";
import { peerTargets } from "../targets/peer-targets.ts";

// What the open-loop generator can do itself, against a server that costs next to nothing: numbers close to these say nothing about Millrace.

const RATES = [1_000, 5_000, 10_000, 20_000, 40_000];
const FULL = { warmUpMs: 1_000, durationMs: 5_000, rates: RATES };
const SHORT = { warmUpMs: 500, durationMs: 1_500, rates: [1_000, 5_000] };
const TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 512;

interface Rate {
  ratePerSecond: number;
  goodPerSecond: number;
  cores: number;
  lateP50Ms: number;
  lateP99Ms: number;
  p50Ms: number;
  p99Ms: number;
}

export const generator: Scenario<Rate[]> = {
  name: "generator",
  key: "generator",
  about: "the open-loop generator itself",
  measure,
  present,
};

async function measure({ isShort, nats, signal, print }: Bench): Promise<Rate[]> {
  const { rates, ...time } = isShort ? SHORT : FULL;
  const target = (await peerTargets(nats)["bare-http"]!())!;
  try {
    const measured: Rate[] = [];
    for (const ratePerSecond of rates) {
      const stream = { name: "calls", url: target.url, ratePerSecond, timeoutMs: TIMEOUT_MS };
      const load = await runOpenLoop({ streams: [stream], ...time, connectionsMax: CONNECTIONS_MAX }, signal);
      const { answers, lateP50Ms, lateP99Ms } = load.streams[0]!;
      const { arrivedPerSecond = 0, p50Ms = Number.NaN, p99Ms = Number.NaN } = answers[200] ?? {};
      const cores = load.generatorCores;
      measured.push({ ratePerSecond, goodPerSecond: arrivedPerSecond, cores, lateP50Ms, lateP99Ms, p50Ms, p99Ms });
      print(`${ratePerSecond}/s: ${arrivedPerSecond.toFixed(0)} good answers/s with ${cores.toFixed(2)} of a core`);
    }
    return measured;
  } finally {
    await target.stop();
  }
}

function present(rates: readonly Rate[]): Section {
  return {
    title: "The open-loop generator itself",
    text: `Against \`bare-http\`, ${FULL.durationMs / 1_000} s at each rate. A request's latency counts from when it should be sent, so how late the generator sends (its timer ticks
once a millisecond) is part of every latency that it reports.`,
    head: ["requests/s asked for", "good answers/s", "cores", "late p50 ms", "late p99 ms", "p50 ms", "p99 ms"],
    rows: rates.map(({ ratePerSecond, goodPerSecond, cores, lateP50Ms, lateP99Ms, p50Ms, p99Ms }) => [
      String(ratePerSecond),
      shown(goodPerSecond, 0),
      shown(cores, 2),
      ...[lateP50Ms, lateP99Ms, p50Ms, p99Ms].map((ms) => shown(ms, 2)),
    ]),
    checks: [
      {
        what: "cores at 5000 requests/s",
        measured: rates.find(({ ratePerSecond }) => ratePerSecond === 5_000)?.cores ?? Number.NaN,
        target: { below: 0.33 },
      },
    ],
    charts: [],
  };
}

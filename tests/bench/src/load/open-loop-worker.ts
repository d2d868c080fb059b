/** The generator's process: takes a plan from its parent, sends, and hands back what came of it. */
import { setTimeout as delay } from "node:timers/promises";
import { Connections } from "./connections.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";
import { Stream } from "./stream.ts";

const TICK_MS = 1;

process.once("message", (plan: LoadPlan) => {
  void run(plan).then((result) => {
    process.send?.(result, () => process.disconnect?.());
  });
});
// Nobody is left to hear the result.
process.once("disconnect", () => process.exit());

async function run({ streams: plans, warmUpMs, durationMs, connectionsMax }: LoadPlan): Promise<LoadResult> {
  const startAt = performance.now();
  const window = { startAt, countFrom: startAt + warmUpMs, countTo: startAt + warmUpMs + durationMs };
  const pools = new Map<string, Connections>();
  const streams = plans.map((plan) => {
    const { hostname, port, host } = new URL(plan.url);
    const pool = pools.get(host) ?? new Connections({ host: hostname, port: Number(port || 80) }, connectionsMax);
    pools.set(host, pool);
    return new Stream(plan, pool, window, () => performance.now());
  });
  const cpuBefore = process.cpuUsage();
  const sending = setInterval(() => {
    for (const stream of streams) stream.tick();
  }, TICK_MS);
  await delay(warmUpMs + durationMs);
  const cpu = process.cpuUsage(cpuBefore);
  const generatorCores = (cpu.user + cpu.system) / 1_000 / (performance.now() - startAt);
  while (!streams.every((stream) => stream.isOver)) await delay(TICK_MS);
  clearInterval(sending);
  for (const pool of pools.values()) pool.close();
  return { streams: streams.map((stream) => stream.result()), generatorCores };
}

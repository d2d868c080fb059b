import { send } from "@millrace/e2e-tests";
import type { Bench, Scenario } from "../bench.ts";
import { type Section, shown } from "../report/section.ts";
import { settledMiB } from "../system/usage.ts";
import { type BenchPlatform, deployFunction, withPlatform } from "../targets/platform.ts";

// What one more warm instance costs while nobody calls it. How many there are is what they say themselves: calls may share an instance.

const SLOTS = 16;

const WHO = `
  const id = Math.random().toString(36);
  export const handler = () => new Promise((answer) => setTimeout(answer, 1_000, { statusCode: 200, body: id }));`;

export const idleInstance: Scenario<number> = {
  name: "idle-instance",
  key: "idleInstanceMiB",
  about: "memory of a warm instance that idles",
  measure: (bench) =>
    withPlatform(bench, { runnerSlots: SLOTS }, async (platform) =>
      measure(bench, platform, await deployFunction(platform, "who", WHO)),
    ),
  present,
};

async function measure({ signal, print }: Bench, platform: BenchPlatform, url: string): Promise<number> {
  const { runner = [], sandbox = [] } = platform.processes();
  const known = [...runner, ...sandbox];
  const before = await settledMiB(known, signal);
  const first = (await send({ url })).text;
  const answers = await Promise.all(Array.from({ length: SLOTS }, () => send({ url })));
  const failed = answers.find(({ status }) => status !== 200);
  if (failed) throw new Error(`a call was answered with ${failed.status}: ${failed.text}`);
  const others = new Set(answers.map(({ text }) => text));
  others.delete(first);
  const after = await settledMiB(known, signal);
  print(`${others.size} more instances: ${before.toFixed(1)} → ${after.toFixed(1)} MiB`);
  return (after - before) / others.size;
}

function present(mib: number): Section {
  return {
    title: "Warm instances that idle",
    text: `${SLOTS} calls at a time make as many instances of a small function (one call at a time each) as are needed; the growth of the supervisor and of the
sandboxes, once it has settled, is shared out among the instances that came. Each is a thread with a heap of its own.`,
    head: ["", "MiB"],
    rows: [["resident memory of one more instance", shown(mib, 1)]],
    checks: [{ what: "resident memory of one more instance", measured: mib, target: { atMost: 8 }, unit: " MiB" }],
    charts: [],
  };
}

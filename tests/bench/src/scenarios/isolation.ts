import type { Scenario } from "../bench.ts";
import { type Section, shownSpread } from "../report/section.ts";
import { CONNECTIONS, compareHellos, FULL, type Variants } from "../targets/variants.ts";

// What the fence of the full tier costs: namespaces, the filter of system calls, a network of its own.

type Isolation = Variants<"full" | "reduced">;

export const isolation: Scenario<Isolation> = {
  name: "isolation",
  key: "isolation",
  about: "what the fence of a sandbox costs a hello",
  measure: (bench) => compareHellos(bench, ["full", "reduced"], { full: {}, reduced: { withoutBubblewrap: true } }),
  present,
};

function present({ ratio, rps, errors }: Isolation): Section {
  return {
    title: "The fence of a sandbox",
    text: `wrk calls \`millrace-hello\` of one runner with ${CONNECTIONS} connections, ${FULL.seconds} s after ${FULL.warmUpSeconds} s to warm up, ${FULL.rounds} rounds: in the full
tier, and without bubblewrap, where a sandbox has a user of its own and limits but shares the machine's namespaces. Calls that failed: ${errors}.`,
    head: ["tier", "answers/s"],
    rows: [
      ["full", shownSpread(rps.full, 0)],
      ["reduced", shownSpread(rps.reduced, 0)],
    ],
    checks: [{ what: "the full tier ÷ the reduced", measured: ratio.median, target: { atLeast: 0.9 } }],
    charts: [],
  };
}

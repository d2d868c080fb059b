import type { Scenario } from "../bench.ts";
import type { Results } from "./results.ts";
import { type Chart, renderSection } from "./section.ts";

// docs/reference/performance.md, made of results.json and nothing else.

const INTRODUCTION = `# Performance

This page is written by \`npm run bench\` from \`tests/bench/results.json\`; a test compares the two. Every number is measured on one machine that runs
everything at once: the load generators, the engines, and all services. Rounds of what is compared alternate within one run. A cell with
three numbers is the median of the rounds, with the least and the most in brackets. CPU is by the operating system's accounting. wrk is a
closed loop: its rates count answers with 2xx and 3xx, and its latencies are what a caller waits at that concurrency; where tails matter the load
is an open loop, which charges every request from when it should have been sent.`;

export interface Page {
  markdown: string;
  charts: readonly Chart[];
}

export function renderPage(scenarios: readonly Scenario<unknown>[], results: Results | undefined): Page {
  const parts = [INTRODUCTION, ...(results ? [machineLine(results)] : [])];
  const charts: Chart[] = [];
  for (const scenario of scenarios) {
    const { key, name, about } = scenario;
    if (results?.[key] === undefined) {
      parts.push(`## ${capitalised(about)}\n\nNot measured yet: \`npm run bench -- ${name}\`.`);
      continue;
    }
    const section = scenario.present(results[key]);
    charts.push(...section.charts);
    parts.push(renderSection(section).trimEnd());
    for (const { alt, file } of section.charts) parts.push(`![${alt}](charts/${file})`);
    parts.push(`Measured on ${results.measuredAt[key]?.slice(0, 10)} by \`npm run bench -- ${name}\`.`);
  }
  return { markdown: `${parts.join("\n\n")}\n`, charts };
}

function machineLine({ machine: { cpu, cores, memoryGiB, kernel, node } }: Results): string {
  return `The machine: ${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import type { Scenario } from "./bench.ts";

export interface BenchArguments {
  help: boolean;
  isShort: boolean;
  scenarios: readonly Scenario<unknown>[];
}

/** What the short form of a run without names measures: under 90 s. */
const SHORT_RUN = ["rows", "overload"];

/** Throws what to tell the user. */
export function parseArguments(args: readonly string[], all: readonly Scenario<unknown>[]): BenchArguments {
  const flags = args.filter((arg) => arg.startsWith("-"));
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknown = [
    ...flags.filter((flag) => flag !== "--short" && flag !== "--help"),
    ...names.filter((name) => !all.some((scenario) => scenario.name === name)),
  ];
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}\n${usageOf(all)}`);
  const isShort = flags.includes("--short");
  const isWanted = ({ name, onlyByName }: Scenario<unknown>) =>
    names.length > 0 ? names.includes(name) : isShort ? SHORT_RUN.includes(name) : !onlyByName;
  return { help: flags.includes("--help"), isShort, scenarios: all.filter(isWanted) };
}

export function usageOf(all: readonly Scenario<unknown>[]): string {
  const lines = all.map(
    ({ name, about, onlyByName }) => `  ${name.padEnd(14)} ${about}${onlyByName ? " (only when named)" : ""}`,
  );
  return `usage: npm run bench -- [scenario …] [--short]

Without names everything is measured; each scenario replaces its own part of tests/bench/results.json, from which
docs/reference/performance.md is made. --short tries things out and keeps nothing: without names it takes under 90 s.

${lines.join("\n")}`;
}

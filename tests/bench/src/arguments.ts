import type { Scenario } from "./bench.ts";

export interface BenchArguments {
  help: boolean;
  isShort: boolean;
  /** Nothing is measured: the page is made anew of what was. */
  pageOnly: boolean;
  scenarios: readonly Scenario<unknown>[];
}

/** What the short form of a run without names measures: under 90 s. */
const SHORT_RUN = ["rows", "overload"];
const FLAGS = ["--short", "--page", "--help"];

/** Throws what to tell the user. */
export function parseArguments(args: readonly string[], all: readonly Scenario<unknown>[]): BenchArguments {
  const flags = args.filter((arg) => arg.startsWith("-"));
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknown = [
    ...flags.filter((flag) => !FLAGS.includes(flag)),
    ...names.filter((name) => !all.some((scenario) => scenario.name === name)),
  ];
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}\n${usageOf(all)}`);
  const isShort = flags.includes("--short");
  const isWanted = ({ name, onlyByName }: Scenario<unknown>) =>
    names.length > 0 ? names.includes(name) : isShort ? SHORT_RUN.includes(name) : !onlyByName;
  return {
    help: flags.includes("--help"),
    pageOnly: flags.includes("--page"),
    isShort,
    scenarios: all.filter(isWanted),
  };
}

export function usageOf(all: readonly Scenario<unknown>[]): string {
  const lines = all.map(
    ({ name, about, onlyByName }) => `  ${name.padEnd(14)} ${about}${onlyByName ? " (only when named)" : ""}`,
  );
  return `usage: npm run bench -- [scenario …] [--short] | --page

Without names everything is measured; each scenario replaces its own part of tests/bench/results.json, from which
docs/reference/performance.md is made. --short tries things out and keeps nothing: without names it takes under 90 s.
--page measures nothing and makes the page anew.

${lines.join("\n")}`;
}

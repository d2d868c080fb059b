import type { Spread } from "../statistics.ts";

// What a scenario has to say, as Markdown that reads well in a terminal too.

export interface Section {
  title: string;
  /** What was done: enough to do it again. */
  text: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  checks: readonly Check[];
  charts: readonly Chart[];
}

/** A number and what it has to be. */
export interface Check {
  what: string;
  measured: number;
  target: { atLeast: number } | { atMost: number } | { below: number };
  /** What would be better still. */
  aim?: number;
  unit?: string;
}

export interface Chart {
  file: string;
  alt: string;
  svg: string;
}

export function renderSection({ title, text, head, rows, checks }: Section): string {
  const parts = [`## ${title}`, text, table(head, rows)];
  if (checks.length > 0) parts.push(table(["number", "measured", "target", "aim", ""], checks.map(checkRow)));
  return `${parts.join("\n\n")}\n`;
}

/** `n/a` where there is no number. */
export function shown(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "n/a";
}

/** Median, and the rounds' least and most in brackets. */
export function shownSpread({ min, median, max }: Spread, digits: number): string {
  return Number.isFinite(median) ? `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})` : "n/a";
}

export function verdictOf({ measured, target }: Check): "ok" | "missed" | "n/a" {
  if (!Number.isFinite(measured)) return "n/a";
  if ("atLeast" in target) return measured >= target.atLeast ? "ok" : "missed";
  if ("atMost" in target) return measured <= target.atMost ? "ok" : "missed";
  return measured < target.below ? "ok" : "missed";
}

function checkRow(check: Check): string[] {
  const { what, measured, target, aim, unit = "" } = check;
  const [sign, bound] = boundOf(target);
  return [
    what,
    `${shown(measured, 2)}${unit}`,
    `${sign} ${bound}${unit}`,
    aim === undefined ? "" : `${aim}${unit}`,
    verdictOf(check),
  ];
}

function boundOf(target: Check["target"]): [string, number] {
  if ("atLeast" in target) return ["≥", target.atLeast];
  return "atMost" in target ? ["≤", target.atMost] : ["<", target.below];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

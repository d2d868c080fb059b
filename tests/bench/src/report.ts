import type { Row } from "./rows.ts";
import type { Spread } from "./statistics.ts";

// What a run leaves behind: results.json for programs, a page with tables and charts for people.

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
  measuredAt: string;
}

export interface Results {
  machine: Machine;
  rows: {
    name: string;
    connections: number;
    rps: number | "n/a";
    p50Ms: number | "n/a";
    p99Ms: number | "n/a";
    gatewayCpuUs?: number;
  }[];
}

export function resultsOf(machine: Machine, rows: readonly Row[]): Results {
  return { machine, rows: rows.map(resultRow) };
}

function resultRow({ name, connections, rps, p50Ms, p99Ms, gatewayCpuUs }: Row): Results["rows"][number] {
  const cpu = rounded(gatewayCpuUs.median, 1);
  return {
    name,
    connections,
    rps: rounded(rps.median, 0),
    p50Ms: rounded(p50Ms.median, 3),
    p99Ms: rounded(p99Ms.median, 3),
    ...(cpu !== "n/a" && { gatewayCpuUs: cpu }),
  };
}

/** The table in Markdown: median, and the spread of the rounds in brackets. */
export function tableOf(rows: readonly Row[]): string {
  const head = ["row", "connections", "requests/s", "p50 ms", "p99 ms", "gateway CPU µs/request", "errors"];
  const lines = rows.map((row) => [
    row.name,
    String(row.connections),
    shown(row.rps, 0),
    shown(row.p50Ms, 2),
    shown(row.p99Ms, 2),
    shown(row.gatewayCpuUs, 1),
    Number.isNaN(row.rps.median) ? "n/a" : String(row.errors),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function shown({ min, median, max }: Spread, digits: number): string {
  if (Number.isNaN(median)) return "n/a";
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function rounded(value: number, digits: number): number | "n/a" {
  return Number.isNaN(value) ? "n/a" : Number(value.toFixed(digits));
}

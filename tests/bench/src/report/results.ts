import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

// results.json: the machine, and under a key of its own what each scenario measured last.

const DIGITS = 6;

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
}

export interface Results {
  machine: Machine;
  /** By key: when the scenario was measured. */
  measuredAt: Record<string, string>;
  [key: string]: unknown;
}

export function machineOf(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
  };
}

export function readResults(file: URL): Results | undefined {
  return existsSync(file) ? parseResults(readFileSync(file, "utf8")) : undefined;
}

/** JSON has no NaN: what was not measured is null there. */
export function parseResults(text: string): Results {
  return JSON.parse(text, (_, value: unknown) => (value === null ? Number.NaN : value)) as Results;
}

export function formatResults(results: Results): string {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;
  return `${JSON.stringify(results, rounded, 2)}\n`;
}

/** With one scenario's result replaced. Results of another machine, system or Node are not mixed with it: they go. */
export function withResult(
  old: Results | undefined,
  machine: Machine,
  key: string,
  result: unknown,
  at: Date,
): Results {
  const kept = old && JSON.stringify(old.machine) === JSON.stringify(machine) ? old : undefined;
  return {
    ...kept,
    machine,
    measuredAt: { ...kept?.measuredAt, [key]: at.toISOString() },
    [key]: result,
  };
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fetchDebianPackages, findExecutable, libraryPath } from "@millrace/local/engines";
import { outputOfProgram } from "../system/programs.ts";

// wrk gives the ceiling of a target: a closed loop over a fixed number of connections. It is fetched like an engine.

export interface Wrk {
  command: string;
  environment: Record<string, string>;
}

export interface WrkRun {
  url: string;
  connections: number;
  seconds: number;
  /** A file in Lua, for requests other than GET. */
  script?: string;
}

export interface WrkResult {
  /** Answers with 2xx and 3xx per second: a refusal is no throughput. */
  rps: number;
  p50Ms: number;
  p99Ms: number;
  requests: number;
  /** Everything that was read, answers that were not whole at the end included. */
  mibPerSecond: number;
  /** Answers outside 2xx and 3xx, and socket errors. */
  errors: number;
}

/** The machine's wrk, or one unpacked below `enginesFolder`. */
export async function findWrk(enginesFolder: string): Promise<Wrk> {
  const installed = findExecutable("wrk");
  if (installed) return { command: installed, environment: {} };
  const folder = join(enginesFolder, "wrk");
  if (!existsSync(folder)) {
    await fetchDebianPackages({ packages: ["wrk"], suite: "host", withDependencies: true, into: folder });
  }
  return { command: join(folder, "usr/bin/wrk"), environment: { LD_LIBRARY_PATH: libraryPath(folder) } };
}

export async function runWrk(wrk: Wrk, run: WrkRun, signal: AbortSignal): Promise<WrkResult> {
  const args = ["-t1", `-c${run.connections}`, `-d${run.seconds}s`, "--latency", "--timeout", "10s"];
  if (run.script) args.push("-s", run.script);
  const timeoutMs = (run.seconds + 20) * 1_000;
  const output = await outputOfProgram(wrk.command, [...args, run.url], wrk.environment, timeoutMs, signal);
  return parseWrk(output);
}

/** Reads wrk's report. Throws when it has no rate. */
export function parseWrk(output: string): WrkResult {
  const rps = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (rps === undefined) throw new Error(`wrk reported no rate:\n${output}`);
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  return {
    rps: requests === 0 ? 0 : Number(rps) * (1 - refused / requests),
    // wrk calls it 0 when there was no answer.
    p50Ms: requests === 0 ? Number.NaN : percentile(output, 50),
    p99Ms: requests === 0 ? Number.NaN : percentile(output, 99),
    requests,
    mibPerSecond: transferred(output),
    errors: socketErrors.reduce((sum, count) => sum + Number(count), refused),
  };
}

const UNITS_MIB: Record<string, number> = { B: 1 / 1024 ** 2, KB: 1 / 1024, MB: 1, GB: 1024 };

function transferred(output: string): number {
  const match = /Transfer\/sec:\s+([\d.]+)(B|KB|MB|GB)/.exec(output);
  return match ? Number(match[1]) * UNITS_MIB[match[2]!]! : Number.NaN;
}

const UNITS_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function percentile(output: string, which: number): number {
  const match = new RegExp(`\\s${which}%\\s+([\\d.]+)(us|ms|s|m)\\b`).exec(output);
  return match ? Number(match[1]) * UNITS_MS[match[2]!]! : Number.NaN;
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { until } from "@millrace/testing";

// Child processes of the benchmark, and what the operating system says they have used.

const START_TIMEOUT_MS = 20_000;
const CLOCK_TICKS_PER_SECOND = 100;

export function programOnPath(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function outputOfProgram(
  command: string,
  args: string[],
  environment: Record<string, string>,
  timeoutMs: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: timeoutMs, env: { ...process.env, ...environment } }, (error, stdout, stderr) =>
      error ? reject(new Error(`${command} failed: ${stderr || error.message}`)) : resolve(stdout),
    );
  });
}

export interface RunningProgram {
  pid: number;
  stop(): Promise<void>;
}

/** Starts a program that serves `url`, and waits until it answers. */
export async function startProgram(
  argv: readonly string[],
  environment: Record<string, string>,
  url?: string,
): Promise<RunningProgram> {
  const [command, ...args] = argv;
  const child = spawn(command!, args, {
    stdio: "ignore",
    env: { ...process.env, ...environment },
  });
  if (url)
    await until(() => answers(child, url), {
      timeoutMs: START_TIMEOUT_MS,
      message: `${argv.join(" ")} to answer at ${url}`,
    });
  return { pid: child.pid!, stop: () => stopChild(child) };
}

async function answers(child: ChildProcess, url: string): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} ended with ${child.exitCode}`);
  return (await fetch(url)).ok;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

/** User and system time that a process, all its threads included, has used so far. */
export function cpuMsOf(pid: number): number {
  return cpuMsOfStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** The fields after the command's name, which may itself hold blanks and brackets. */
function cpuMsOfStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / CLOCK_TICKS_PER_SECOND;
}

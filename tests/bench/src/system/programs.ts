import { type ChildProcess, execFile, spawn } from "node:child_process";
import { until } from "@millrace/testing";

// Child processes of the benchmark.

const START_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 2_000;

export function outputOfProgram(
  command: string,
  args: string[],
  environment: Record<string, string>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string> {
  const options = { timeout: timeoutMs, env: { ...process.env, ...environment }, ...(signal && { signal }) };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) =>
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
  try {
    if (url) await untilAnswers(child, url);
  } catch (error) {
    await stopChild(child);
    throw error;
  }
  return { pid: child.pid!, stop: () => stopChild(child) };
}

function untilAnswers(child: ChildProcess, url: string): Promise<unknown> {
  const message = `${child.spawnargs.join(" ")} to answer at ${url}`;
  return until(() => answers(child, url), { timeoutMs: START_TIMEOUT_MS, message });
}

async function answers(child: ChildProcess, url: string): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} ended with ${child.exitCode}`);
  return (await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })).ok;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

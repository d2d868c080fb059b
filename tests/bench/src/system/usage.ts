import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { descendantsOf } from "@millrace/e2e-tests";

// What processes and threads use, by the operating system's accounting. A process may end at any time: what is gone has used nothing since.

/** What a process does in a target. `runner`: a runner's supervisor, or a peer's worker process. */
export type Role = "gateway" | "nats" | "runner" | "sandbox";
/** `instances`: the worker threads of the sandboxes, which are part of `sandbox` too. */
export type CpuRole = Role | "instances";
export type ProcessMap = Partial<Record<Role, readonly number[]>>;
export type CpuUse = Partial<Record<CpuRole, number>>;
/** Milliseconds by role, then by process or thread. */
export type CpuReading = ReadonlyMap<CpuRole, ReadonlyMap<number, number>>;

const SETTLED_MIB = 0.5;
const SETTLED_LOOKS = 6;
const LOOK_MS = 500;
const SETTLE_TIMEOUT_MS = 30_000;
const CLOCK_TICKS_PER_SECOND = 100;
/** Node's name for threads that JavaScript has started. */
const INSTANCE_THREAD = "WorkerThread";

export function readCpu(processes: ProcessMap): CpuReading {
  const roles = Object.entries(processes) as [Role, readonly number[]][];
  const reading = new Map<CpuRole, Map<number, number>>();
  for (const [role, pids] of roles)
    reading.set(
      role,
      cpuOf(pids, (pid) => `/proc/${pid}/stat`),
    );
  const { sandbox } = processes;
  if (sandbox) {
    const threads = new Map<number, number>();
    for (const pid of sandbox) {
      for (const [tid, ms] of cpuOf(instanceThreadsOf(pid), (tid) => `/proc/${pid}/task/${tid}/stat`))
        threads.set(tid, ms);
    }
    reading.set("instances", threads);
  }
  return reading;
}

/** Milliseconds by role between two readings. */
export function cpuMsBetween(before: CpuReading, after: CpuReading): CpuUse {
  const used: CpuUse = {};
  for (const [role, now] of after) {
    let ms = 0;
    for (const [id, value] of now) ms += value - (before.get(role)?.get(id) ?? 0);
    used[role] = ms;
  }
  return used;
}

export function instanceThreadsOf(pid: number): number[] {
  const tids = readOrNothing(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return tids.map(Number).filter((tid) => readText(`/proc/${pid}/task/${tid}/comm`).trim() === INSTANCE_THREAD);
}

/** Memory of a process that is resident now; NaN when there is no such process. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1024;
}

/** Of all these processes together, once it stays what it is, or at the deadline. */
export async function settledMiB(pids: readonly number[], signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  const looks: number[] = [];
  for (;;) {
    looks.push(pids.reduce((sum, pid) => sum + residentMiB(pid), 0));
    const latest = looks.slice(-SETTLED_LOOKS);
    const isSettled = latest.length === SETTLED_LOOKS && Math.max(...latest) - Math.min(...latest) < SETTLED_MIB;
    if (isSettled || performance.now() > deadline) return looks.at(-1)!;
    await delay(LOOK_MS, undefined, { signal });
  }
}

/** The sandboxes of runners: below wrappers that fence them in, Node with the sandbox's program. */
export function sandboxesOf(runners: readonly number[]): number[] {
  return descendantsOf(runners)
    .filter(({ commandLine }) => /^\S*node\s.*\/main\.mjs(\s|$)/.test(commandLine))
    .map(({ pid }) => pid);
}

function cpuOf(ids: readonly number[], statFile: (id: number) => string): Map<number, number> {
  return new Map(ids.map((id) => [id, cpuMsOfStat(readText(statFile(id)))]));
}

/** User and system time. The fields follow the command's name, which may itself hold blanks and brackets. */
function cpuMsOfStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1_000) / CLOCK_TICKS_PER_SECOND;
}

function readText(path: string): string {
  return readOrNothing(() => readFileSync(path, "latin1")) ?? "";
}

function readOrNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

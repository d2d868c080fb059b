import { residentMiB } from "./usage.ts";

// How much memory processes keep, looked at from outside while something runs.

const INTERVAL_MS = 100;

export type NamedProcesses = () => ReadonlyMap<string, number>;

export function residentOf(processes: NamedProcesses): Map<string, number> {
  return new Map([...processes()].map(([name, pid]) => [name, residentMiB(pid)]));
}

/** By how much each process's memory exceeded what it was `before`, at its highest while `work` ran. One that is newer counts whole. */
export async function growthDuring(
  processes: NamedProcesses,
  before: ReadonlyMap<string, number>,
  work: () => Promise<unknown>,
): Promise<Map<string, number>> {
  const most = new Map<string, number>();
  const look = () => {
    for (const [name, mib] of residentOf(processes)) {
      if (mib > (most.get(name) ?? 0)) most.set(name, mib);
    }
  };
  const looking = setInterval(look, INTERVAL_MS);
  try {
    await work();
    look();
  } finally {
    clearInterval(looking);
  }
  return new Map([...most].map(([name, mib]) => [name, mib - (before.get(name) ?? 0)]));
}

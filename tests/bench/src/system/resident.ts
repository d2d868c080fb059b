import { residentMiB } from "./usage.ts";

// How much memory processes keep, looked at from outside while something runs.

const INTERVAL_MS = 100;

export type NamedProcesses = () => ReadonlyMap<string, number>;

export function residentOf(processes: NamedProcesses): Map<string, number> {
  return new Map([...processes()].map(([name, pid]) => [name, residentMiB(pid)]));
}

/**
 * By how much each process's memory exceeded what it was `before`, at its highest while `work` ran. A process that is newer has not grown: it
 * was not there.
 */
export async function growthDuring(
  processes: NamedProcesses,
  before: ReadonlyMap<string, number>,
  work: () => Promise<unknown>,
): Promise<Map<string, number>> {
  const growth = new Map<string, number>();
  const look = () => {
    for (const [name, mib] of residentOf(processes)) {
      const grown = mib - (before.get(name) ?? Number.NaN);
      if (!Number.isNaN(grown)) growth.set(name, Math.max(grown, growth.get(name) ?? grown));
    }
  };
  const looking = setInterval(look, INTERVAL_MS);
  try {
    await work();
    look();
  } finally {
    clearInterval(looking);
  }
  return growth;
}

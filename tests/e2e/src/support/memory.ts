/** What processes hold in memory, and how much more of it they held at the worst moment of a piece of work. */
import { readFileSync } from "node:fs";

const MIB = 1024 ** 2;
const INTERVAL_MS = 25;

/** Resident bytes; 0 for a process that is gone. */
export function residentBytes(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** By how many MiB each process grew at most while the work was done. */
export async function growthDuring(
  pids: Readonly<Record<string, number>>,
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const entries = Object.entries(pids);
  const before = new Map(entries.map(([name, pid]) => [name, residentBytes(pid)]));
  const most = new Map(before);
  const look = (): void => {
    for (const [name, pid] of entries) most.set(name, Math.max(most.get(name)!, residentBytes(pid)));
  };
  const timer = setInterval(look, INTERVAL_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  look();
  return Object.fromEntries(entries.map(([name]) => [name, Math.round((most.get(name)! - before.get(name)!) / MIB)]));
}

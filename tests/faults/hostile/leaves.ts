/** The processes that hold tenants' code: those below a runner that have no children themselves, whatever fences them in. */
import { setTimeout as pause } from "node:timers/promises";
import { descendantsOf, readProc } from "@millrace/e2e-tests";

const LOOK_MS = 500;
const TICKS_PER_SECOND = 100;

export function leavesBelow(pid: number): number[] {
  const below = descendantsOf([pid]);
  const parents = new Set(below.map(({ parent }) => parent));
  return below.filter((process) => !parents.has(process.pid)).map((process) => process.pid);
}

/** How many cores they use, over half a second. */
export async function coresOf(pids: readonly number[]): Promise<number> {
  const before = ticksOf(pids);
  await pause(LOOK_MS);
  return ((ticksOf(pids) - before) / TICKS_PER_SECOND / LOOK_MS) * 1_000;
}

function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readProc(pid, "stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }, 0);
}

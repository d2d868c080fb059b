import { freeSlots, type Runner } from "./runners.ts";

/** Who is to be placed. */
export interface Placed {
  /** Whether it may not go to this runner now. */
  excludes(runner: Runner): boolean;
}

/**
 * The runner for a call: where the version is warm, the less loaded of two taken at random (two, since other gateways choose at the same
 * time and must not all choose the same); when both are full the least loaded warm one; when no warm one has a free slot, the least
 * loaded of all. Null when no runner has a free slot.
 */
export function chooseRunner(
  warm: readonly Runner[],
  all: Iterable<Runner>,
  placed: Placed,
  random: () => number,
): Runner | null {
  return chooseOfTwo(warm, placed, random) ?? leastLoaded(warm, placed) ?? leastLoaded(all, placed);
}

function chooseOfTwo(warm: readonly Runner[], placed: Placed, random: () => number): Runner | null {
  const { length } = warm;
  if (length === 0) return null;
  const first = Math.floor(random() * length);
  const second = length === 1 ? first : (first + 1 + Math.floor(random() * (length - 1))) % length;
  const one = usable(warm[first]!, placed);
  const other = first === second ? null : usable(warm[second]!, placed);
  if (one === null || other === null) return one ?? other;
  return load(other) < load(one) ? other : one;
}

function leastLoaded(runners: Iterable<Runner>, placed: Placed): Runner | null {
  let best: Runner | null = null;
  for (const runner of runners) {
    if (usable(runner, placed) && (best === null || load(runner) < load(best))) best = runner;
  }
  return best;
}

function usable(runner: Runner, placed: Placed): Runner | null {
  return freeSlots(runner) > 0 && !placed.excludes(runner) ? runner : null;
}

/** The share of the slots that is taken, so that runners of different sizes compare. */
function load(runner: Runner): number {
  return (runner.takenByOthers + runner.outstanding) / runner.slots;
}

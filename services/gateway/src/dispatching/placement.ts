import { DISPATCH_LIMITS } from "../limits.ts";
import { freeSlots, hashOf, type Runner, takenSlots } from "./runners.ts";

/** Who is to be placed. */
export interface Placed {
  functionKey: string;
  /** How many functions called each other before it. */
  depth: number;
  /** Whether it may not go to this runner now. */
  excludes(runner: Runner): boolean;
}

/**
 * The runner for a call: where the version is warm, the less loaded of two taken at random (two, since other gateways choose at the same
 * time and must not all choose the same); when both are full the least loaded warm one; when no warm one has a free slot, the one that
 * the version's hash prefers. Null when no runner has a free slot.
 */
export function chooseRunner(
  warm: readonly Runner[],
  all: readonly Runner[],
  placed: Placed,
  random: () => number,
): Runner | null {
  return chooseOfTwo(warm, placed, random) ?? leastLoaded(warm, placed) ?? preferred(all, placed);
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

function leastLoaded(runners: readonly Runner[], placed: Placed): Runner | null {
  let best: Runner | null = null;
  for (const runner of runners) {
    if (usable(runner, placed) && (best === null || load(runner) < load(best))) best = runner;
  }
  return best;
}

/**
 * Rendezvous hashing with bounded load: of the runners with a free slot the one that scores highest with this version, so that all
 * gateways start it in the same place, and different versions in different ones. A runner that has more than its part of what all run is
 * left out, unless it is all but idle.
 */
function preferred(all: readonly Runner[], placed: Placed): Runner | null {
  const { boundedLoad, idleLoad } = DISPATCH_LIMITS;
  let taken = 1;
  let slots = 0;
  for (const runner of all) {
    if (runner.draining) continue;
    taken += takenSlots(runner);
    slots += runner.slots;
  }
  const loadMax = Math.max(idleLoad, (boundedLoad * taken) / slots);
  const hash = hashOf(placed.functionKey);
  let best: Runner | null = null;
  let bestScore = -1;
  for (const runner of all) {
    if (!usable(runner, placed) || takenSlots(runner) >= Math.ceil(loadMax * runner.slots)) continue;
    const score = mix(hash ^ runner.hash);
    if (score <= bestScore) continue;
    best = runner;
    bestScore = score;
  }
  return best ?? leastLoaded(all, placed);
}

function usable(runner: Runner, placed: Placed): Runner | null {
  return freeSlots(runner, placed.depth) > 0 && !placed.excludes(runner) ? runner : null;
}

/** The share of the slots that is taken, so that runners of different sizes compare. */
function load(runner: Runner): number {
  return takenSlots(runner) / runner.slots;
}

/** Murmur3's finaliser: each bit of the input moves half of the output's. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

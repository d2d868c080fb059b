import { DISPATCH_LIMITS } from "../limits.ts";
import { freeSlots, hashOf, type Runner, takenSlots } from "./runners.ts";

/** Who is to be placed. */
export interface Placed {
  functionKey: string;
  /** How many functions called each other before it. */
  depth: number;
  /** Whether the runner has turned the call away for another reason than a lack of slots, and has not beaten since. */
  excludes(runner: Runner): boolean;
}

export interface Choice {
  /** Where the version is warm. */
  warm: readonly Runner[];
  all: readonly Runner[];
  /** The part of its slots beyond which a runner counts as loaded, when others are not. */
  loadMax: number;
  random: () => number;
}

/**
 * The runner for a call; null when none has a free slot. Where the version is warm: the less loaded of two taken at random (two, since other
 * gateways choose at the same time by the same beats, and must not all choose the same), or any other that has a slot. One that is
 * loaded beyond its part hands some of its calls on, so that the version grows warm elsewhere before those that have it are full. A version that is
 * warm nowhere starts where rendezvous hashing with bounded load says: the same place for all gateways, another for another version.
 */
export function chooseRunner(choice: Choice, placed: Placed): Runner | null {
  const { warm, all, loadMax, random } = choice;
  if (warm.length === 0) return preferred(all, placed, loadMax) ?? anyOf(all, placed, random);
  const chosen = chooseOfTwo(warm, placed, 1, random) ?? anyOf(warm, placed, random);
  if (chosen === null) return chooseOfTwo(all, placed, loadMax, random) ?? anyOf(all, placed, random);
  if (load(chosen) < loadMax || random() >= DISPATCH_LIMITS.spreadShare) return chosen;
  return chooseOfTwo(all, placed, loadMax, random) ?? chosen;
}

function chooseOfTwo(warm: readonly Runner[], placed: Placed, loadMax: number, random: () => number): Runner | null {
  const { length } = warm;
  if (length === 0) return null;
  const first = Math.floor(random() * length);
  const second = length === 1 ? first : (first + 1 + Math.floor(random() * (length - 1))) % length;
  const one = fits(warm[first]!, placed, loadMax) ? warm[first]! : null;
  const other = first !== second && fits(warm[second]!, placed, loadMax) ? warm[second]! : null;
  if (one === null || other === null) return one ?? other;
  return load(other) < load(one) ? other : one;
}

function anyOf(runners: readonly Runner[], placed: Placed, random: () => number): Runner | null {
  let chosen: Runner | null = null;
  let count = 0;
  for (const runner of runners) if (hasSlot(runner, placed) && random() * ++count < 1) chosen = runner;
  return chosen;
}

function preferred(all: readonly Runner[], placed: Placed, loadMax: number): Runner | null {
  const hash = hashOf(placed.functionKey);
  let best: Runner | null = null;
  let bestScore = -1;
  for (const runner of all) {
    if (!fits(runner, placed, loadMax)) continue;
    const score = mix(hash ^ runner.hash);
    if (score <= bestScore) continue;
    best = runner;
    bestScore = score;
  }
  return best;
}

function hasSlot(runner: Runner, placed: Placed): boolean {
  return freeSlots(runner, placed.depth) > 0 && !placed.excludes(runner);
}

/** Whether it has a slot for the call, and with it no more than its part of the load. */
function fits(runner: Runner, placed: Placed, loadMax: number): boolean {
  return hasSlot(runner, placed) && (loadMax >= 1 || takenSlots(runner) < Math.ceil(loadMax * runner.slots));
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

/** A sixteenth of the slots again for each depth. */
const SHARE_PER_DEPTH = 16;

/**
 * How many calls a runner of so many slots runs at a time before it refuses one of this depth. Calls that functions make through a
 * gateway have slots beyond those of callers, some for each depth: were there none, functions that wait for each other's answers could
 * hold every slot and wait for ever. Gateways and runners count alike.
 */
export function slotsAtDepth(slots: number, depth: number): number {
  return slots + depth * Math.ceil(slots / SHARE_PER_DEPTH);
}

import { slotsAtDepth } from "@millrace/frames";
import type { Beat } from "@millrace/proto/invocation/v1/invocation";
import { DISPATCH_LIMITS } from "../limits.ts";

/** A runner as its last beat and our own calls show it. */
export interface Runner {
  readonly id: string;
  /** Of the process: a higher one means that the process before it is gone with all its calls. */
  readonly epoch: string;
  /** Of the id. */
  readonly hash: number;
  sequence: number;
  slots: number;
  draining: boolean;
  warm: Set<string>;
  beatAtMs: number;
  /** Slots that other gateways' calls take, as far as the last beat tells. */
  takenByOthers: number;
  /** The same as a rejection since then has shown. */
  deniedSlots: number;
  /** Our own calls there. */
  outstanding: number;
  /** The connection broke, and it has not beaten since. */
  isTorn: boolean;
  /** The beat after which it was asked for a slot although it had none to tell of. */
  knockedAtSequence: number;
}

export interface RunnersListener {
  /** The runner's process is gone, or nobody can tell that it is not. */
  onLost(runner: Runner): void;
}

export function takenSlots(runner: Runner): number {
  return Math.max(runner.takenByOthers, runner.deniedSlots) + runner.outstanding;
}

/** Slots for a call before which so many functions called each other. */
export function freeSlots(runner: Runner, depth = 0): number {
  if (runner.draining) return 0;
  return (depth === 0 ? runner.slots : slotsAtDepth(runner.slots, depth)) - takenSlots(runner);
}

/**
 * One of the runners, taken at random, that other gateways fill while we hold less there than they do, and that was not asked since its
 * last beat.
 */
export function slotToKnockAt(
  runners: readonly Runner[],
  placed: { excludes(runner: Runner): boolean },
  random: () => number,
): Runner | null {
  let chosen: Runner | null = null;
  let count = 0;
  for (const runner of runners) {
    const { draining, takenByOthers, outstanding, slots, sequence, knockedAtSequence } = runner;
    if (draining || takenByOthers + outstanding < slots || outstanding >= takenByOthers) continue;
    if (knockedAtSequence === sequence || placed.excludes(runner)) continue;
    if (random() * ++count < 1) chosen = runner;
  }
  return chosen;
}

/** FNV-1a. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

const NONE: readonly Runner[] = [];

/** The runners that beat, and where each function version is warm. Time is an input. */
export class Runners {
  readonly #byId = new Map<string, Runner>();
  #list: readonly Runner[] = [];
  readonly #warm = new Map<string, Runner[]>();
  /** Epochs of processes that are surely gone, and since when. */
  readonly #gone = new Map<string, number>();
  readonly #listener: RunnersListener;
  #sweptAtMs = 0;
  #meanAtMs = -Infinity;
  #loadMax = 0;

  constructor(listener: RunnersListener) {
    this.#listener = listener;
  }

  get count(): number {
    return this.#byId.size;
  }

  get(id: string): Runner | undefined {
    return this.#byId.get(id);
  }

  all(): readonly Runner[] {
    return this.#list;
  }

  /** Whether any runner has a free slot for a call of this depth. */
  haveRoom(depth = 0): boolean {
    for (const runner of this.#list) if (freeSlots(runner, depth) > 0) return true;
    return false;
  }

  /**
   * The part of its slots that a runner may have taken before versions look for others: somewhat more than what all have. The mean is taken
   * a few times a second.
   */
  loadMax(nowMs: number): number {
    const { boundedLoad, idleLoad, meanAgeMs } = DISPATCH_LIMITS;
    if (nowMs - this.#meanAtMs < meanAgeMs) return this.#loadMax;
    let taken = 0;
    let slots = 0;
    for (const runner of this.#list) {
      if (runner.draining) continue;
      taken += takenSlots(runner);
      slots += runner.slots;
    }
    this.#meanAtMs = nowMs;
    this.#loadMax = Math.max(idleLoad, slots === 0 ? 0 : (boundedLoad * taken) / slots);
    return this.#loadMax;
  }

  /** The connection broke: takes none for free until it has beaten again. */
  tear(): void {
    for (const runner of this.#list) {
      runner.isTorn = true;
      runner.slots = 0;
      runner.takenByOthers = 0;
    }
  }

  warmFor(functionKey: string): readonly Runner[] {
    return this.#warm.get(functionKey) ?? NONE;
  }

  /** Takes a beat in. `id` is that of the subject, which NATS lets only this runner publish on. */
  onBeat(id: string, beat: Beat, nowMs: number): void {
    if (this.#gone.has(beat.epoch)) return;
    let runner = this.#byId.get(id);
    // A late one of a process before, for epochs rise.
    if (runner && beat.epoch < runner.epoch) return;
    if (runner && runner.epoch !== beat.epoch) {
      this.#gone.set(runner.epoch, nowMs);
      this.#lose(runner);
      runner = undefined;
    }
    if (runner && beat.sequence <= runner.sequence) return;
    if (saysGoodbye(beat)) {
      this.#gone.set(beat.epoch, nowMs);
      if (runner) this.#lose(runner);
      return;
    }
    runner ??= this.#welcome(id, beat.epoch);
    runner.sequence = beat.sequence;
    runner.slots = beat.slots;
    runner.draining = beat.draining;
    runner.beatAtMs = nowMs;
    runner.takenByOthers = Math.max(0, beat.slotsBusy - runner.outstanding);
    runner.deniedSlots = 0;
    this.#warmUp(runner, beat);
  }

  /**
   * Loses the runners whose last beat is older than `ageMsMax`, and older than an echo that was asked for at `provenAtMs` and has come: it may
   * be the bus that is silent. Answers whether there are such that wait for that proof. When the sweep itself comes late, this process
   * stood still and has beats to read yet: then nobody is lost.
   */
  sweep(nowMs: number, ageMsMax: number, lateMsMax: number, provenAtMs: number): boolean {
    const late = this.#sweptAtMs > 0 && nowMs - this.#sweptAtMs > lateMsMax;
    let isUnproven = false;
    this.#sweptAtMs = nowMs;
    for (const runner of this.#list) {
      if (late) runner.beatAtMs = nowMs;
      else if (nowMs - runner.beatAtMs <= ageMsMax) continue;
      else if (runner.beatAtMs + ageMsMax < provenAtMs) this.#lose(runner);
      else isUnproven = true;
    }
    this.#forgetGone(nowMs);
    return isUnproven;
  }

  #forgetGone(nowMs: number): void {
    for (const [epoch, atMs] of this.#gone)
      if (nowMs - atMs > DISPATCH_LIMITS.goneRememberedMs) this.#gone.delete(epoch);
  }

  #welcome(id: string, epoch: string): Runner {
    const runner: Runner = {
      id,
      epoch,
      hash: hashOf(id),
      sequence: -1,
      slots: 0,
      draining: false,
      warm: new Set(),
      beatAtMs: 0,
      takenByOthers: 0,
      deniedSlots: 0,
      outstanding: 0,
      isTorn: false,
      knockedAtSequence: -1,
    };
    this.#byId.set(id, runner);
    this.#list = [...this.#byId.values()];
    return runner;
  }

  #lose(runner: Runner): void {
    this.#byId.delete(runner.id);
    this.#list = [...this.#byId.values()];
    for (const key of runner.warm) this.#cool(runner, key);
    this.#listener.onLost(runner);
  }

  #warmUp(runner: Runner, beat: Beat): void {
    if (beat.full) {
      const warm = new Set(beat.warm);
      for (const key of runner.warm) if (!warm.has(key)) this.#cool(runner, key);
    }
    for (const key of beat.cooled) this.#cool(runner, key);
    for (const key of beat.warm) {
      if (runner.warm.has(key)) continue;
      runner.warm.add(key);
      const there = this.#warm.get(key);
      if (there) there.push(runner);
      else this.#warm.set(key, [runner]);
    }
  }

  #cool(runner: Runner, key: string): void {
    runner.warm.delete(key);
    const rest = this.warmFor(key).filter((other) => other !== runner);
    if (rest.length > 0) this.#warm.set(key, rest);
    else this.#warm.delete(key);
  }
}

/** A runner that runs has slots. */
function saysGoodbye({ slots, draining }: Beat): boolean {
  return draining && slots === 0;
}

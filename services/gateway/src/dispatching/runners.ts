import type { Beat } from "@millrace/proto/invocation/v1/invocation";

/** A runner as its last beat and our own calls show it. */
export interface Runner {
  readonly id: string;
  /** Of the process: another one means that the process before it is gone with all its calls. */
  readonly epoch: string;
  sequence: number;
  slots: number;
  draining: boolean;
  warm: Set<string>;
  beatAtMs: number;
  /** Slots that other gateways' calls take, as far as the last beat tells. */
  takenByOthers: number;
  /** Our own calls there. */
  outstanding: number;
  /** The beat after which it said that it is full; it is asked again after the next one. */
  fullAtSequence: number;
}

export interface RunnersListener {
  /** The runner's process is gone, or nobody can tell that it is not. */
  onLost(runner: Runner): void;
}

export function freeSlots(runner: Runner): number {
  if (runner.draining || runner.fullAtSequence === runner.sequence) return 0;
  return runner.slots - runner.takenByOthers - runner.outstanding;
}

const NONE: readonly Runner[] = [];

/** The runners that beat, and where each function version is warm. */
export class Runners {
  readonly #byId = new Map<string, Runner>();
  readonly #warm = new Map<string, Runner[]>();
  readonly #listener: RunnersListener;
  #sweptAtMs = 0;

  constructor(listener: RunnersListener) {
    this.#listener = listener;
  }

  get count(): number {
    return this.#byId.size;
  }

  get(id: string): Runner | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Runner> {
    return this.#byId.values();
  }

  /** Whether any runner has a free slot. */
  haveRoom(): boolean {
    for (const runner of this.#byId.values()) if (freeSlots(runner) > 0) return true;
    return false;
  }

  warmFor(functionKey: string): readonly Runner[] {
    return this.#warm.get(functionKey) ?? NONE;
  }

  /** Takes a beat in. `id` is that of the subject, which NATS lets only this runner publish on. */
  onBeat(id: string, beat: Beat, nowMs: number): void {
    let runner = this.#byId.get(id);
    if (runner && runner.epoch !== beat.epoch) {
      this.#lose(runner);
      runner = undefined;
    }
    if (runner && beat.sequence <= runner.sequence) return;
    runner ??= this.#welcome(id, beat.epoch);
    runner.sequence = beat.sequence;
    runner.slots = beat.slots;
    runner.draining = beat.draining;
    runner.beatAtMs = nowMs;
    runner.takenByOthers = Math.max(0, beat.slotsBusy - runner.outstanding);
    this.#warmUp(runner, beat);
  }

  /**
   * Loses the runners whose last beat is older than `ageMsMax`. When the sweep itself comes late, this process stood still and has
   * beats to read yet: then nobody is lost.
   */
  sweep(nowMs: number, ageMsMax: number, lateMsMax: number): void {
    const late = this.#sweptAtMs > 0 && nowMs - this.#sweptAtMs > lateMsMax;
    this.#sweptAtMs = nowMs;
    for (const runner of this.#byId.values()) {
      if (late) runner.beatAtMs = nowMs;
      else if (nowMs - runner.beatAtMs > ageMsMax) this.#lose(runner);
    }
  }

  #welcome(id: string, epoch: string): Runner {
    const runner: Runner = {
      id,
      epoch,
      sequence: -1,
      slots: 0,
      draining: false,
      warm: new Set(),
      beatAtMs: 0,
      takenByOthers: 0,
      outstanding: 0,
      fullAtSequence: -1,
    };
    this.#byId.set(id, runner);
    return runner;
  }

  #lose(runner: Runner): void {
    this.#byId.delete(runner.id);
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

import { RECYCLING_LIMITS } from "../limits.ts";

const { jitterShare, memoryShare, memoryWindowMs, memoryCallsMin } = RECYCLING_LIMITS;

/** How long instances serve. */
export interface WearTerms {
  callsMax: number;
  ageMs: number;
  memoryMib: number;
}

/**
 * When an instance has served for long enough: it had its calls, or its time, or holds nearly all the memory that it may and does not come
 * down again. Each instance has a little less of calls and time, by chance, so that those which began together do not end together.
 */
export class Wear {
  readonly #callsMax: number;
  readonly #endsAt: number;
  readonly #memoryKibMax: number;
  #calls = 0;
  /** The least that was in use at a call's end within the window, and how many calls ended. */
  #window = { endsAt: -Infinity, leastKib: Infinity, calls: 0 };
  #holdsMemory = false;

  constructor({ callsMax, ageMs, memoryMib }: WearTerms, now: number, random = Math.random) {
    const part = 1 - jitterShare * random();
    this.#callsMax = callsMax * part;
    this.#endsAt = now + ageMs * part;
    this.#memoryKibMax = memoryMib * 1024 * memoryShare;
  }

  /** A call has ended, with so much memory in use by the instance. */
  called(now: number, memoryKib: number): void {
    this.#calls++;
    if (now >= this.#window.endsAt) {
      const { calls, leastKib } = this.#window;
      this.#holdsMemory ||= calls >= memoryCallsMin && leastKib > this.#memoryKibMax;
      this.#window = { endsAt: now + memoryWindowMs, leastKib: Infinity, calls: 0 };
    }
    this.#window.calls++;
    this.#window.leastKib = Math.min(this.#window.leastKib, memoryKib);
  }

  isOver(now: number): boolean {
    return this.#calls >= this.#callsMax || now >= this.#endsAt || this.#holdsMemory;
  }
}

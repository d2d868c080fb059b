/** What can be due; the wheel's own notes on it. */
export interface Due {
  dueAtMs: number;
  /** Where on the wheel, or -1. */
  place: number;
  before: this | null;
  after: this | null;
}

const PLACES = 512;
/** Nothing is due early, and nothing later than this after its time. */
export const WHEEL_STEP_MS = 8;

/**
 * What is due when, for very many entries of which most are taken off before their time: both take a few assignments and no memory. An
 * entry that is due beyond the wheel's horizon of four seconds is looked at there and moved on. Time is an input.
 */
export class TimerWheel<T extends Due> {
  readonly #places: (T | null)[] = Array.from({ length: PLACES }, () => null);
  #step = -1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts the entry on the wheel. Answers when it will be looked at. */
  add(entry: T, dueAtMs: number, nowMs: number): number {
    const now = Math.floor(nowMs / WHEEL_STEP_MS);
    // An empty wheel need not be turned.
    if (this.#size === 0 && now > this.#step) this.#step = now;
    const step = Math.min(Math.max(Math.ceil(dueAtMs / WHEEL_STEP_MS), this.#step + 1), this.#step + PLACES - 1);
    const place = step % PLACES;
    const head = this.#places[place]!;
    entry.dueAtMs = dueAtMs;
    entry.place = place;
    entry.before = null;
    entry.after = head;
    if (head !== null) head.before = entry;
    this.#places[place] = entry;
    this.#size++;
    return step * WHEEL_STEP_MS;
  }

  remove(entry: T): void {
    const { place, before, after } = entry;
    if (place === -1) return;
    if (before !== null) before.after = after;
    else this.#places[place] = after;
    if (after !== null) after.before = before;
    entry.place = -1;
    entry.before = null;
    entry.after = null;
    this.#size--;
  }

  /**
   * Takes off what is due and hands it on. What is handed on may add and remove others. Should `onDue` throw, those behind are handed on
   * with the next step.
   */
  advance(nowMs: number, onDue: (entry: T) => void): void {
    const now = Math.floor(nowMs / WHEEL_STEP_MS);
    if (this.#size === 0 || now <= this.#step) return;
    const reached: T[] = [];
    for (let step = this.#step + 1; step <= Math.min(now, this.#step + PLACES - 1); step++) {
      for (let entry = this.#places[step % PLACES]!; entry !== null; entry = this.#places[step % PLACES]!) {
        this.remove(entry);
        reached.push(entry);
      }
    }
    this.#step = now;
    const due: T[] = [];
    for (const entry of reached) {
      if (entry.dueAtMs <= nowMs) due.push(entry);
      else this.add(entry, entry.dueAtMs, nowMs);
    }
    let handed = 0;
    try {
      for (const entry of due) {
        handed++;
        if (entry.place === -1) onDue(entry);
      }
    } finally {
      for (const entry of due.slice(handed)) if (entry.place === -1) this.add(entry, entry.dueAtMs, nowMs);
    }
  }

  /** When something is to be looked at next; Infinity when there is nothing. */
  nextAtMs(): number {
    if (this.#size === 0) return Infinity;
    let step = this.#step + 1;
    while (this.#places[step % PLACES] === null) step++;
    return step * WHEEL_STEP_MS;
  }
}

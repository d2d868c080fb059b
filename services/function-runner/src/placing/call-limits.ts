/** Of what only so many calls may run at a time: a function, or a project. */
export interface CallLimit {
  of: string;
  callsMax: number;
}

/** How many calls run of each that has a limit. */
export class CallLimits {
  readonly #running = new Map<string, number>();

  /** Of how many calls run. */
  get size(): number {
    return this.#running.size;
  }

  /** Counts a call at all of them, or at none when one has no room. */
  take(limits: readonly CallLimit[]): boolean {
    if (limits.some(({ of, callsMax }) => this.#runningOf(of) >= callsMax)) return false;
    for (const { of } of limits) this.#running.set(of, this.#runningOf(of) + 1);
    return true;
  }

  release(limits: readonly CallLimit[]): void {
    for (const { of } of limits) {
      const left = this.#runningOf(of) - 1;
      if (left === 0) this.#running.delete(of);
      else this.#running.set(of, left);
    }
  }

  #runningOf(of: string): number {
    return this.#running.get(of) ?? 0;
  }
}

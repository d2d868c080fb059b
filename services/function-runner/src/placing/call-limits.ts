/** A function of which only so many calls may run at a time. */
export interface CallLimit {
  functionUid: string;
  callsMax: number;
}

/** How many calls run of each function that has a limit. All its versions count together: what it protects does not tell them apart. */
export class CallLimits {
  readonly #running = new Map<string, number>();

  /** Functions of which calls run. */
  get size(): number {
    return this.#running.size;
  }

  hasRoom({ functionUid, callsMax }: CallLimit): boolean {
    return (this.#running.get(functionUid) ?? 0) < callsMax;
  }

  take({ functionUid }: CallLimit): void {
    this.#running.set(functionUid, (this.#running.get(functionUid) ?? 0) + 1);
  }

  release({ functionUid }: CallLimit): void {
    const left = this.#running.get(functionUid)! - 1;
    if (left === 0) this.#running.delete(functionUid);
    else this.#running.set(functionUid, left);
  }
}

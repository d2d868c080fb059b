import { randomInt } from "node:crypto";

/** Hands out user ids for sandboxes, none twice at a time. Random, since several runners may share a machine. */
export class UidRange {
  readonly #min: number;
  readonly #max: number;
  readonly #taken = new Set<number>();

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
  }

  take(): number {
    for (;;) {
      const uid = randomInt(this.#min, this.#max + 1);
      if (this.#taken.has(uid)) continue;
      this.#taken.add(uid);
      return uid;
    }
  }

  giveBack(uid: number): void {
    this.#taken.delete(uid);
  }
}

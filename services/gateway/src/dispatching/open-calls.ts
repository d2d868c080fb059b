import { CallMap } from "@millrace/frames";
import type { Call } from "./call.ts";
import type { Runner } from "./runners.ts";

/** The calls that are at a runner, each under a number of its attempt. */
export class OpenCalls {
  readonly #byNumber = new CallMap<Call>();
  #lastNumber: number;

  /** Begins at random, so that what runners still send to the process before this one is not taken for an answer to a call of ours. */
  constructor(random: () => number) {
    this.#lastNumber = Math.floor(random() * 2 ** 32);
  }

  get size(): number {
    return this.#byNumber.size;
  }

  get(number: number): Call | undefined {
    return this.#byNumber.get(number);
  }

  at(runner: Runner): Call[] {
    return this.#byNumber.values().filter((call) => call.runner === runner);
  }

  /** Answers the call's number. */
  add(call: Call): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    while (this.#byNumber.has(this.#lastNumber));
    this.#byNumber.set(this.#lastNumber, call);
    return this.#lastNumber;
  }

  /** False when there is none of this number. */
  delete(number: number): boolean {
    return this.#byNumber.delete(number);
  }
}

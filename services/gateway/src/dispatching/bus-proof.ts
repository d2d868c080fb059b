import { Standstill } from "@millrace/frames";
import { DISPATCH_LIMITS } from "../limits.ts";

/**
 * Whether what is known of runners is of this moment. A process that did not run for a while knows of runners what is as old, and what
 * it hears from a silent bus it does not know: in both cases an echo of the bus tells, behind everything that was on its way. Time is an
 * input.
 */
export class BusProof {
  readonly #standstill = new Standstill(DISPATCH_LIMITS.standstillMs);
  readonly #askForEcho: () => void;
  #askedAtMs = -Infinity;
  #provenAtMs = -Infinity;

  constructor(askForEcho: () => void, nowMs: number) {
    this.#askForEcho = askForEcho;
    this.#standstill.notice(nowMs);
  }

  get isFresh(): boolean {
    return this.#standstill.isOver;
  }

  /** What the bus had for us until then has come. */
  get provenAtMs(): number {
    return this.#provenAtMs;
  }

  /** The process runs. */
  notice(nowMs: number): void {
    if (this.#standstill.notice(nowMs)) this.#ask(nowMs);
  }

  /** Somebody is silent, or the bus is. */
  doubt(nowMs: number): void {
    if (!this.#standstill.isOver) return;
    this.#standstill.begin();
    this.#ask(nowMs);
  }

  /** An echo has come. Answers whether it was the last one that is waited for. */
  caughtUp(): boolean {
    this.#standstill.caughtUp();
    if (this.#standstill.isOver) this.#provenAtMs = this.#askedAtMs;
    return this.#standstill.isOver;
  }

  #ask(nowMs: number): void {
    this.#askedAtMs = nowMs;
    this.#askForEcho();
  }
}

import { EDGE_LIMITS } from "../limits.ts";

/**
 * Sees that a body keeps coming while a function waits for it: a slot is not held by somebody who sends a byte now and then. The time in
 * which nobody reads does not count.
 */
export class BodyPace {
  readonly #onTooSlow: () => void;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(onTooSlow: () => void) {
    this.#onTooSlow = onTooSlow;
  }

  /** Somebody reads: a window begins. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#bytes = 0;
    this.#timer = setTimeout(() => this.#onWindowOver(), EDGE_LIMITS.bodyWindowMs);
  }

  note(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Nobody reads, or there is nothing left to come. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onWindowOver(): void {
    this.#timer = undefined;
    if (this.#bytes < EDGE_LIMITS.bodyWindowBytesMin) this.#onTooSlow();
    else this.begin();
  }
}

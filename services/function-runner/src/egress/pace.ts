/** So much in a window at most; what is over it is refused, not delayed. */
export class Pace {
  readonly #max: number;
  readonly #windowMs: number;
  #window = 0;
  #taken = 0;

  constructor(max: number, windowMs = 1_000) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  take(amount: number): boolean {
    const window = Math.floor(performance.now() / this.#windowMs);
    if (window !== this.#window) [this.#window, this.#taken] = [window, 0];
    this.#taken += amount;
    return this.#taken <= this.#max;
  }
}

const WINDOW_BITS = 4_096;
const WORD_BITS = 32;
const WORDS = WINDOW_BITS / WORD_BITS;
/** The oldest word is cleared as the newest is begun. */
const REMEMBERED = WINDOW_BITS - WORD_BITS;

/**
 * Which of a gateway's latest calls were here before, as a ring of bits below the newest number. Numbers rise by one with each call of
 * the gateway and wrap at 2^32; a runner sees some of them, perhaps out of order. One far below the newest is no old call but the first
 * of a new process, which begins anywhere.
 */
export class CallWindow {
  readonly #words = new Uint32Array(WORDS);
  #newest: number | undefined;

  /** Remembers the number; false when it was there before. */
  take(number: number): boolean {
    const ahead = this.#newest === undefined ? 0 : (number - this.#newest) | 0;
    if (this.#newest === undefined || ahead <= -REMEMBERED || ahead >= REMEMBERED) {
      this.#words.fill(0);
      this.#newest = number;
    } else if (ahead > 0) {
      this.#clearUpTo(number);
      this.#newest = number;
    }
    const word = (number >>> 5) % WORDS;
    const bit = 1 << (number & 31);
    if ((this.#words[word]! & bit) !== 0) return false;
    this.#words[word]! |= bit;
    return true;
  }

  #clearUpTo(number: number): void {
    const last = number >>> 5;
    // Word numbers have 27 bits.
    for (let word = this.#newest! >>> 5; word !== last; ) {
      word = (word + 1) & 0x7ff_ffff;
      this.#words[word % WORDS] = 0;
    }
  }
}

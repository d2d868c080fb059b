// The words of a mapping, in the order of a source map's fields; the line of the bundle, which the map counts by `;`, comes first.
export const GENERATED_LINE = 0;
export const GENERATED_COLUMN = 1;
export const SOURCE = 2;
export const LINE = 3;
export const COLUMN = 4;
export const NAME = 5;

const WORDS = 6;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const CONTINUES = 32;

const DIGITS = new Uint8Array(128);
for (const [digit, letter] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  DIGITS[letter.charCodeAt(0)] = digit;
}

/** Reads the mappings of a source map (ECMA-426) one by one. Each is a difference to the one before. */
export class MappingReader {
  static readonly SAVED_WORDS: number = WORDS + 1;
  /** Of the mapping that was read last; words that it does not have are those of an earlier one. */
  readonly mapping = new Int32Array(WORDS);
  readonly #bytes: Buffer;
  #at: number;
  #fields = 0;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where it goes on. */
  get at(): number {
    return this.#at;
  }

  get hasSource(): boolean {
    return this.#fields >= COLUMN;
  }

  get hasName(): boolean {
    return this.#fields >= NAME;
  }

  save(): number[] {
    return [...this.mapping, this.#fields];
  }

  restore(saved: Int32Array): void {
    this.mapping.set(saved.subarray(0, WORDS));
    this.#fields = saved[WORDS]!;
  }

  isBehind(line: number, column: number): boolean {
    const { mapping } = this;
    return mapping[GENERATED_LINE]! > line || (mapping[GENERATED_LINE] === line && mapping[GENERATED_COLUMN]! > column);
  }

  /** False when there is none any more. */
  next(): boolean {
    const { mapping } = this;
    for (let byte = this.#byte(); byte === COMMA || byte === SEMICOLON; byte = this.#byte()) {
      if (byte === SEMICOLON) {
        mapping[GENERATED_LINE]!++;
        mapping[GENERATED_COLUMN] = 0;
      }
      this.#at++;
    }
    if (this.#byte() === undefined) return false;
    this.#fields = 0;
    for (let byte = this.#byte(); byte !== undefined && byte !== COMMA && byte !== SEMICOLON; byte = this.#byte()) {
      this.#fields++;
      mapping[this.#fields]! += this.#difference();
    }
    return true;
  }

  #byte(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Digits of 5 bits, the lowest first; the lowest bit of all is the sign. */
  #difference(): number {
    let value = 0;
    let shift = 0;
    let digit: number;
    do {
      digit = DIGITS[this.#bytes[this.#at++]!]!;
      value |= (digit & (CONTINUES - 1)) << shift;
      shift += 5;
    } while ((digit & CONTINUES) !== 0);
    return (value & 1) === 0 ? value >>> 1 : -(value >>> 1);
  }
}

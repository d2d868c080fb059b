import { FRAME_HEADER_BYTES } from "./frame.ts";
import { countSpent } from "./spent-buffers.ts";

const INITIAL_BYTES = 64 * 1024;

/**
 * Writes frames one behind the other into a buffer that grows. Text is latin-1 where it came from HTTP (a character a byte, lossless
 * there), UTF-8 elsewhere.
 */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;
  #frameAt = 0;

  get bytes(): number {
    return this.#at;
  }

  begin(type: number, flags: number, call: number): this {
    this.#reserve(FRAME_HEADER_BYTES);
    this.#frameAt = this.#at;
    this.#buffer[this.#at + 4] = type;
    this.#buffer[this.#at + 5] = flags;
    this.#buffer.writeUInt32LE(call, this.#at + 6);
    this.#at += FRAME_HEADER_BYTES;
    return this;
  }

  /** Closes the frame that `begin` opened. */
  end(): void {
    this.#buffer.writeUInt32LE(this.#at - this.#frameAt - 4, this.#frameAt);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#at = this.#buffer.writeUInt16LE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
    return this;
  }

  /** A u16 length and the text's characters, a byte each. The text must be latin-1 and under 64 KiB. */
  latin1(text: string): this {
    const { length } = text;
    if (length > 0xffff) throw new RangeError("a frame's text is at most 65535 characters");
    this.#reserve(2 + length);
    this.#at = this.#buffer.writeUInt16LE(length, this.#at);
    this.#at += this.#buffer.write(text, this.#at, "latin1");
    return this;
  }

  /** A u16 length and the text as UTF-8, under 64 KiB. */
  utf8(text: string): this {
    this.#reserve(2 + text.length * 3);
    const length = this.#buffer.write(text, this.#at + 2, "utf8");
    if (length > 0xffff) throw new RangeError("a frame's text is at most 65535 bytes");
    this.#buffer.writeUInt16LE(length, this.#at);
    this.#at += 2 + length;
    return this;
  }

  /** A u16 count of pairs, then name and value of each. `headers` is flat: name, value, name, value. */
  headers(headers: readonly string[]): this {
    this.u16(headers.length >> 1);
    for (const text of headers) this.latin1(text);
    return this;
  }

  /** The bytes as they are: the rest of a payload. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** What was written; the writer is empty again and does not touch these bytes any more. */
  take(): Buffer {
    const taken = Buffer.from(this.view());
    this.clear();
    countSpent(taken.length);
    return taken;
  }

  /** What was written, not copied: nothing may be written before whoever has it is done with it, and the writer is cleared. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  clear(): void {
    this.#at = 0;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

// Reads a payload without ever throwing: what is cut short reads as zero or empty and leaves `ok` false, which the caller checks once
// at the end.
export class FrameReader {
  readonly #bytes: Buffer;
  #at: number;
  #ok = true;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get ok(): boolean {
    return this.#ok;
  }

  u8(): number {
    return this.#take(1) ? this.#bytes[this.#at - 1]! : 0;
  }

  u16(): number {
    return this.#take(2) ? this.#bytes.readUInt16LE(this.#at - 2) : 0;
  }

  u32(): number {
    return this.#take(4) ? this.#bytes.readUInt32LE(this.#at - 4) : 0;
  }

  latin1(): string {
    const length = this.u16();
    return this.#take(length) ? this.#bytes.toString("latin1", this.#at - length, this.#at) : "";
  }

  utf8(): string {
    const length = this.u16();
    return this.#take(length) ? this.#bytes.toString("utf8", this.#at - length, this.#at) : "";
  }

  /** Flat: name, value, name, value. */
  headers(): string[] {
    const count = this.u16() * 2;
    const headers: string[] = [];
    while (headers.length < count && this.#ok) headers.push(this.latin1());
    return headers;
  }

  /** All bytes that are left. They share memory with the frame. */
  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return rest;
  }

  #take(bytes: number): boolean {
    if (this.#at + bytes > this.#bytes.length) this.#ok = false;
    else if (this.#ok) this.#at += bytes;
    return this.#ok;
  }
}

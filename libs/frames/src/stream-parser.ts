import { type Frame, readFrames } from "./batch.ts";

/**
 * Cuts a byte stream into frames. It keeps at most one incomplete frame. After the first violation it answers false for ever: the peer
 * is not to be trusted any more.
 */
export class StreamParser {
  readonly #onFrame: (frame: Frame) => void;
  #kept: Buffer = Buffer.alloc(0);
  #broken = false;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes; false when the stream is no stream of frames. */
  push(bytes: Buffer): boolean {
    if (this.#broken) return false;
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const rest = readFrames(all, 0, this.#onFrame);
    this.#broken = rest === -1;
    // A copy, so that a small remainder does not hold the whole chunk in memory.
    this.#kept = this.#broken || rest === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(rest));
    return !this.#broken;
  }
}

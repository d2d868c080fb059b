import { batchHeader } from "./batch.ts";
import { FrameWriter } from "./frame-writer.ts";

/**
 * A batch is sent when it is this large, without waiting for the end of the tick. The client of NATS puts a message together that takes
 * several reads, copying it anew each time that it outgrows its room.
 */
const BATCH_BYTES_MAX = 64 * 1024;

/** Collects frames for each peer and sends them as one message a tick. */
export class Batcher {
  readonly #header: Buffer;
  readonly #send: (peer: string, message: Buffer) => void;
  readonly #open = new Map<string, FrameWriter>();
  readonly #idle: FrameWriter[] = [];
  #scheduled = false;

  constructor(sender: string, send: (peer: string, message: Buffer) => void) {
    this.#header = batchHeader(sender);
    this.#send = send;
  }

  /** The writer for the next frame to `peer`; the frame must be begun and ended before anything else is asked of the batcher. */
  to(peer: string): FrameWriter {
    let writer = this.#open.get(peer);
    if (writer && writer.bytes >= BATCH_BYTES_MAX) {
      this.#flush(peer, writer);
      writer = undefined;
    }
    return writer ?? this.#openFor(peer);
  }

  /** Sends everything that is waiting. */
  flush(): void {
    this.#scheduled = false;
    for (const [peer, writer] of this.#open) this.#flush(peer, writer);
  }

  #openFor(peer: string): FrameWriter {
    const writer = this.#idle.pop() ?? new FrameWriter();
    writer.raw(this.#header);
    this.#open.set(peer, writer);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
    return writer;
  }

  #flush(peer: string, writer: FrameWriter): void {
    this.#open.delete(peer);
    this.#send(peer, writer.take());
    if (this.#idle.length < 16) this.#idle.push(writer);
  }
}

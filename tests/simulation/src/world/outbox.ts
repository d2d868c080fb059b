import { batchHeader, FrameWriter } from "@millrace/frames";

/** Collects the frames of one moment for each peer, as a batcher does for one turn of the event loop. */
export class Outbox {
  readonly #header: Buffer;
  readonly #send: (peer: string, message: Buffer) => void;
  readonly #writers = new Map<string, FrameWriter>();
  readonly #idle: FrameWriter[] = [];

  constructor(sender: string, send: (peer: string, message: Buffer) => void) {
    this.#header = batchHeader(sender);
    this.#send = send;
  }

  to(peer: string): FrameWriter {
    let writer = this.#writers.get(peer);
    if (writer === undefined) {
      writer = this.#idle.pop() ?? new FrameWriter();
      writer.raw(this.#header);
      this.#writers.set(peer, writer);
    }
    return writer;
  }

  flush(): void {
    for (const [peer, writer] of this.#writers) {
      this.#send(peer, writer.take());
      this.#idle.push(writer);
    }
    this.#writers.clear();
  }
}

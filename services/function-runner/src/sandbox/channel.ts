import type { Socket } from "node:net";
import { countSpent, type Frame, FrameWriter, StreamParser } from "@millrace/frames";

// Writers are large; channels are many and mostly idle. So a channel borrows one for a tick.
const IDLE_WRITERS_MAX = 32;
/** A writer with so much in it is not copied but lent to the socket until the kernel has all of it; nothing more is written to it. */
const LENT_BYTES_MIN = 64 * 1024;
/** What Node reads at once; when it gets so much there is more, and it would go on while others wait. */
const FULL_READ_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);
const idleWriters: FrameWriter[] = [];

export interface ChannelHandler {
  onFrame(frame: Frame): void;
  /** The other end is gone, or what it sent is no stream of frames. Called once. */
  onEnd(why: "closed" | "garbage"): void;
}

/**
 * Frames over an inherited descriptor, written once a tick and never before its end, however many: what is said of them elsewhere in the
 * same tick is said first. Both the supervisor and the sandbox use it.
 */
export class Channel {
  readonly #socket: Socket;
  readonly #handler: ChannelHandler;
  /** Full ones, before the one that is written to. */
  #full: FrameWriter[] = [];
  #writer: FrameWriter | undefined;
  #ended = false;
  #heardAll = false;

  constructor(socket: Socket, handler: ChannelHandler) {
    this.#socket = socket;
    this.#handler = handler;
    const parser = new StreamParser((frame) => {
      if (!this.#ended) handler.onFrame(frame);
    });
    socket.on("data", (bytes: Buffer) => {
      if (!parser.push(bytes)) this.#end("garbage");
      else if (bytes.length >= FULL_READ_BYTES) this.#takeTurns();
    });
    socket.on("end", () => (this.#heardAll = true));
    // "close" always follows. A reset is read behind everything that was sent; an error of writing comes at any time.
    socket.on("error", (error: NodeJS.ErrnoException) => (this.#heardAll ||= error.syscall === "read"));
    socket.on("close", () => this.#end("closed"));
  }

  /** Whether everything was read that the other end, which is gone, has sent. */
  get heardAll(): boolean {
    return this.#heardAll;
  }

  /** The writer for the next frame; the frame must be begun and ended before anything else is asked of the channel. */
  writer(): FrameWriter {
    if (this.#writer && this.#writer.bytes >= LENT_BYTES_MIN) {
      this.#full.push(this.#writer);
      this.#writer = idleWriters.pop() ?? new FrameWriter();
    } else if (!this.#writer) {
      this.#writer = idleWriters.pop() ?? new FrameWriter();
      setImmediate(() => this.flush());
    }
    return this.#writer;
  }

  /** Sends what is waiting, without waiting for the end of the tick. */
  flush(): void {
    const writer = this.#writer;
    if (!writer) return;
    this.#writer = undefined;
    if (this.#full.length > 0) {
      for (const full of this.#full) this.#send(full);
      this.#full = [];
    }
    this.#send(writer);
  }

  /** Sends what is waiting, and calls back once the kernel has all of it: at once, unless the other end is slow to read. */
  whenWritten(then: () => void): void {
    this.flush();
    if (this.#socket.writableLength === 0) then();
    else this.#socket.write(NOTHING, () => then());
  }

  /** Closes this end. `onEnd` is not called. */
  close(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #send(writer: FrameWriter): void {
    if (writer.bytes >= LENT_BYTES_MIN && !this.#ended) {
      countSpent(writer.bytes);
      this.#socket.write(writer.view(), (error) => {
        if (!error) putBack(writer);
      });
    } else {
      const bytes = writer.take();
      putBack(writer);
      if (!this.#ended && bytes.length > 0) this.#socket.write(bytes);
    }
  }

  /** One read a tick, so that whoever floods its channel does not keep others from theirs. */
  #takeTurns(): void {
    this.#socket.pause();
    setImmediate(() => this.#socket.resume());
  }

  #end(why: "closed" | "garbage"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#handler.onEnd(why);
  }
}

function putBack(writer: FrameWriter): void {
  writer.clear();
  if (idleWriters.length < IDLE_WRITERS_MAX) idleWriters.push(writer);
}

import { CHUNK_BYTES_MAX, INITIAL_CREDIT_BYTES, writeChunk, writeFailed, writeHead } from "@millrace/frames";
import type { Channel } from "../sandbox/channel.ts";

/** A body up to this size travels in the head's frame. */
const WHOLE_BYTES_MAX = 128 * 1024;

export interface ResponseHead {
  status: number;
  /** Flat: name, value. */
  headers: string[];
}

/** Writes one response, no faster than its receiver takes it. */
export class ResponseSender {
  readonly #channel: Channel;
  readonly #call: number;
  #credit = INITIAL_CREDIT_BYTES;
  #cut = false;
  /** Of the head; 0 before it. */
  status = 0;
  #wake: (() => void) | undefined;
  #onCut: (() => void) | undefined;

  constructor(channel: Channel, call: number) {
    this.#channel = channel;
    this.#call = call;
  }

  /** A response whose body is at hand. */
  async whole(head: ResponseHead, body: Uint8Array): Promise<void> {
    this.status = head.status;
    if (body.length <= WHOLE_BYTES_MAX) {
      if (!this.#cut) writeHead(this.#channel.writer(), this.#call, { ...head, body }, true);
      return;
    }
    this.begin(head);
    await this.chunk(body);
    this.end();
  }

  begin(head: ResponseHead): void {
    this.status = head.status;
    if (!this.#cut) writeHead(this.#channel.writer(), this.#call, { ...head, body: new Uint8Array() }, false);
  }

  /** Answers false when nobody wants the rest. Nothing is cut to fit the credit, which would come back in parts as small. */
  async chunk(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + CHUNK_BYTES_MAX);
      while (this.#credit < part.length && !this.#cut) await this.#moreCredit();
      if (this.#cut) return false;
      writeChunk(this.#channel.writer(), this.#call, part, false);
      this.#credit -= part.length;
      at += part.length;
    }
    return !this.#cut;
  }

  end(): void {
    if (!this.#cut) writeChunk(this.#channel.writer(), this.#call, new Uint8Array(), true);
  }

  failed(reason: string): void {
    if (!this.#cut) writeFailed(this.#channel.writer(), this.#call, { reason, message: "" });
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#wake?.();
  }

  /** Nobody waits for this response any more. */
  cut(): void {
    this.#cut = true;
    this.#wake?.();
    this.#onCut?.();
  }

  /** Calls `listener` as soon as nobody waits for this response, which may be now. */
  whenCut(listener: () => void): void {
    if (this.#cut) listener();
    else this.#onCut = listener;
  }

  #moreCredit(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

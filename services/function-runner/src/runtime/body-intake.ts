import { INITIAL_CREDIT_BYTES, writeCredit } from "@millrace/frames";
import type { Channel } from "../sandbox/channel.ts";

/** Credit is handed back in lumps of this size, not for each chunk. */
const CREDIT_STEP_BYTES = INITIAL_CREDIT_BYTES / 4;

/** The body of a request as it arrives. What was taken is handed back as credit, so that no more than a window of it waits here. */
export class BodyIntake {
  readonly #channel: Channel;
  readonly #call: number;
  readonly #waiting: Uint8Array[] = [];
  #complete: boolean;
  /** Bytes that were taken and for which no credit was handed back. */
  #owed = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(channel: Channel, call: number, beginning: Uint8Array, complete: boolean) {
    this.#channel = channel;
    this.#call = call;
    this.#complete = complete;
    if (beginning.length > 0) this.#waiting.push(beginning);
  }

  /** The whole body when all of it came with the invocation; null when more of it follows. */
  get whole(): Uint8Array | null {
    if (!this.#complete || this.#waiting.length > 1) return null;
    return this.#waiting[0] ?? new Uint8Array();
  }

  add(chunk: Uint8Array, end: boolean): void {
    // A copy: the chunk is a view of what the descriptor was read into.
    if (chunk.length > 0) this.#waiting.push(new Uint8Array(chunk));
    this.#complete ||= end;
    this.#wake?.();
  }

  fail(reason: unknown): void {
    this.#failure ??= reason;
    this.#wake?.();
  }

  async collect(): Promise<Uint8Array> {
    const whole = this.whole;
    if (whole) return whole;
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.#take(); chunk; chunk = await this.#take()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.#take();
          if (chunk) controller.enqueue(chunk);
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async #take(): Promise<Uint8Array | null> {
    while (this.#waiting.length === 0 && !this.#complete && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#waiting.shift() ?? null;
    if (chunk && !this.#complete) this.#giveBack(chunk.length);
    return chunk;
  }

  #giveBack(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed < CREDIT_STEP_BYTES) return;
    writeCredit(this.#channel.writer(), this.#call, this.#owed);
    this.#owed = 0;
  }
}

import { invalidFields, type PlatformError } from "@millrace/errors";
import { bodyTooLarge } from "../http/http-refusal.ts";

// Cuts a body into the JSON objects of which a client stream is made, while it arrives: either a JSON array of objects, or objects one
// after another (NDJSON). Only braces, strings and what separates objects are looked at; whether an object is JSON is its decoder's.
//
//   start ─[─▶ array: expects an object, then `,` or `]`      start ─{─▶ lines: objects and white space

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

export interface SplitLimits {
  messageBytesMax: number;
  messagesMax: number;
}

/** Yields the text of each object. Throws `request_invalid` or `body_too_large`. */
export async function* splitMessages(chunks: AsyncIterable<Buffer>, limits: SplitLimits): AsyncGenerator<string> {
  const splitter = new MessageSplitter(limits);
  for await (const chunk of chunks) yield* splitter.push(chunk);
  splitter.end();
}

type Between = "start" | "lines" | "array-first" | "array-next" | "array-after" | "done";

class MessageSplitter {
  readonly #limits: SplitLimits;
  #between: Between = "start";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #messages = 0;

  constructor(limits: SplitLimits) {
    this.#limits = limits;
  }

  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#depth === 0) {
        if (this.#separator(byte)) continue;
        start = i;
        this.#depth = 1;
      } else if (this.#within(byte)) {
        this.#keep(chunk.subarray(start, i + 1));
        yield this.#take();
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
  }

  end(): void {
    if (this.#depth > 0) throw malformed("ends within a message");
    if (this.#between !== "lines" && this.#between !== "done" && this.#between !== "start")
      throw malformed("ends within the array");
  }

  /** Moves on between objects. False when an object begins. */
  #separator(byte: number): boolean {
    if (WHITE_SPACE.has(byte)) return true;
    const { next, begins } = SEPARATORS[this.#between](byte);
    this.#between = next;
    return !begins;
  }

  /** Follows an object. True when it ends. */
  #within(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE) this.#depth++;
    else if (byte === CLOSE_BRACE) this.#depth--;
    return this.#depth === 0;
  }

  #keep(part: Buffer): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#limits.messageBytesMax) throw bodyTooLarge(this.#limits.messageBytesMax);
    this.#parts.push(part);
  }

  #take(): string {
    if (++this.#messages > this.#limits.messagesMax)
      throw malformed(`holds more than ${this.#limits.messagesMax} messages`);
    const text = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#partBytes = 0;
    return text;
  }
}

const SEPARATORS: Record<Between, (byte: number) => { next: Between; begins: boolean }> = {
  start(byte) {
    if (byte === OPEN_BRACKET) return { next: "array-first", begins: false };
    return objectOr(byte, "lines");
  },
  lines: (byte) => objectOr(byte, "lines"),
  "array-first": (byte) => (byte === CLOSE_BRACKET ? { next: "done", begins: false } : objectOr(byte, "array-after")),
  "array-next": (byte) => objectOr(byte, "array-after"),
  "array-after"(byte) {
    if (byte === COMMA) return { next: "array-next", begins: false };
    if (byte === CLOSE_BRACKET) return { next: "done", begins: false };
    throw malformed("must have a comma between messages");
  },
  done() {
    throw malformed("goes on after its end");
  },
};

function objectOr(byte: number, next: Between) {
  if (byte === OPEN_BRACE) return { next, begins: true };
  throw malformed("must be an array of objects, or objects one a line");
}

function malformed(description: string): PlatformError {
  return invalidFields([{ field: "body", description }]);
}

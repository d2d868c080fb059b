// What is said over a sandbox's relay socket. Every connection to it begins with one message, and has one purpose:
//
//   instance → supervisor   open {host, port, …}    answer: opened {id, …} or failed {code, …}; then nothing. Closing it gives the
//                                                   connection up as long as nobody has claimed it
//   instance → supervisor   lookup {host, family}   answer: addresses {…} or failed {…}
//   main → supervisor       claim {id}, then the bytes for the other side as they are; back come chunks, so that a connection that
//                           broke is told from one that ended
//
// A message: u8 kind, u16 length, JSON. A chunk: u32 length, bytes; the length 0 is the end.

export const KIND = { open: 1, lookup: 2, claim: 3, opened: 4, addresses: 5, failed: 6 } as const;
const MESSAGE_HEADER_BYTES = 3;
const MESSAGE_BYTES_MAX = 4 * 1024;
const CHUNK_HEADER_BYTES = 4;
/** More than a socket reads at once. */
const CHUNK_BYTES_MAX = 1024 * 1024;

/** The supervisor's socket in its folder. */
export const RELAY_SOCKET = "relay.sock";

/** How a thread of a sandbox finds out. */
export interface Way {
  /** The supervisor's socket. */
  relaySocket: string;
  /** Where the sandbox's main thread listens. */
  relayPort: number;
}

export interface Message {
  kind: number;
  body: Record<string, unknown>;
  /** What follows it. */
  rest: Buffer;
}

export interface OpenRequest {
  host: string;
  port: number;
  /** 0: either. */
  family: 0 | 4 | 6;
  /** What the function's own resolver says of the host; empty when it has none. */
  given: string;
  /** As the sandbox says. */
  functionName: string;
}

export interface Opened {
  id: number;
  address: string;
  family: 4 | 6;
}

export interface Failed {
  code: string;
  message: string;
  /** The address that was tried; empty when none was. */
  address: string;
}

export interface FoundAddress {
  address: string;
  family: 4 | 6;
}

export function writeMessage(kind: number, body: object): Buffer {
  const text = Buffer.from(JSON.stringify(body));
  const header = Buffer.from([kind, text.length & 255, text.length >> 8]);
  return Buffer.concat([header, text]);
}

/** The message that the bytes begin with; undefined when some of it is missing yet, null when there is none. Never throws. */
export function readMessage(bytes: Buffer): Message | undefined | null {
  if (bytes.length < MESSAGE_HEADER_BYTES) return undefined;
  const end = MESSAGE_HEADER_BYTES + bytes.readUInt16LE(1);
  if (end > MESSAGE_BYTES_MAX) return null;
  if (bytes.length < end) return undefined;
  const body = readObject(bytes.toString("utf8", MESSAGE_HEADER_BYTES, end));
  return body && { kind: bytes[0]!, body, rest: bytes.subarray(end) };
}

export function readOpen({ host, port, family, given, functionName }: Message["body"]): OpenRequest | undefined {
  if (typeof host !== "string" || !Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) return;
  return { host, port: port as number, family: familyOf(family), given: text(given), functionName: text(functionName) };
}

export function readLookup({ host, family }: Message["body"]): { host: string; family: 0 | 4 | 6 } | undefined {
  return typeof host === "string" ? { host, family: familyOf(family) } : undefined;
}

export function familyOf(value: unknown): 0 | 4 | 6 {
  if (value === 4 || value === "IPv4") return 4;
  return value === 6 || value === "IPv6" ? 6 : 0;
}

/** Cuts chunks out of a stream. After the end, or after what is no chunk, it takes nothing more. */
export class ChunkParser {
  readonly #onBytes: (bytes: Buffer) => void;
  #header = Buffer.alloc(0);
  #missing = 0;
  #state: "open" | "ended" | "broken" = "open";

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  get state(): "open" | "ended" | "broken" {
    return this.#state;
  }

  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && this.#state === "open") {
      rest = this.#missing > 0 ? this.#take(rest) : this.#readHeader(rest);
    }
  }

  #take(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#missing);
    this.#missing -= part.length;
    this.#onBytes(part);
    return bytes.subarray(part.length);
  }

  #readHeader(bytes: Buffer): Buffer {
    const before = this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, CHUNK_HEADER_BYTES - before)]);
    const read = this.#header.length - before;
    if (this.#header.length === CHUNK_HEADER_BYTES) {
      this.#missing = this.#header.readUInt32LE(0);
      this.#header = Buffer.alloc(0);
      if (this.#missing === 0) this.#state = "ended";
      else if (this.#missing > CHUNK_BYTES_MAX) this.#state = "broken";
    }
    return bytes.subarray(read);
  }
}

export function chunkHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(CHUNK_HEADER_BYTES);
  header.writeUInt32LE(length);
  return header;
}

function readObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 128) : "";
}

import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Owner } from "./test-engines.ts";

const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;
const TXT = 16;
const PIECE_BYTES_MAX = 255;

export interface TestNameServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Texts by name, or what it does instead of answering. */
  readonly texts: Map<string, readonly string[] | "fails" | "silent">;
}

/** A name server (RFC 1035) on loopback that knows texts. */
export async function startNameServer(owner: Owner): Promise<TestNameServer> {
  const texts: TestNameServer["texts"] = new Map();
  const socket = createSocket("udp4", (query, { port, address }) => {
    const known = texts.get(nameIn(query.subarray(12)).toLowerCase());
    if (known !== "silent") socket.send(answerTo(query, known), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  owner.after(async () => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, texts };
}

function answerTo(query: Buffer, known: readonly string[] | "fails" | undefined): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const found = Array.isArray(known) && query.readUInt16BE(end - 4) === TXT ? known : [];
  const header = Buffer.from(query.subarray(0, end));
  header[2] = 0x81;
  header[3] = 0x80 | (known === undefined ? NO_SUCH_NAME : known === "fails" ? SERVER_FAILURE : NO_ERROR);
  header.writeUInt16BE(found.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, ...found.map(record)]);
}

/** Of the name that was asked for. */
function record(text: string): Buffer {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
    const piece = bytes.subarray(at, at + PIECE_BYTES_MAX);
    pieces.push(Buffer.from([piece.length]), piece);
  }
  const content = Buffer.concat(pieces);
  const head = Buffer.from([0xc0, 12, 0, TXT, 0, 1, 0, 0, 0, 1, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([head, content]);
}

function nameIn(bytes: Buffer): string {
  const length = bytes[0] ?? 0;
  const rest = bytes.subarray(1 + length);
  return bytes.toString("latin1", 1, 1 + length) + (rest[0] ? `.${nameIn(rest)}` : "");
}

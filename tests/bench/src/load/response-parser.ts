// Reads the responses of one connection that carries one request at a time: enough of RFC 9112 to know when a response is whole. Bodies are
// counted, not kept.

export type ParserState = "partial" | "complete" | "broken";

type Body = { kind: "none" } | { kind: "length"; left: number } | { kind: "chunked" } | { kind: "untilEnd" };

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");
const HEAD_BYTES_MAX = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class ResponseParser {
  status = 0;
  /** Whether the connection can carry another request after this response. */
  keepsAlive = true;
  #pending: Buffer = NOTHING;
  #body: Body | undefined;
  /** Bytes of the current chunk that are still to come, its line end included. */
  #chunkLeft = 0;
  #inTrailers = false;

  /** Ready for the next response of the connection. */
  reset(): void {
    this.status = 0;
    this.keepsAlive = true;
    this.#pending = NOTHING;
    this.#body = undefined;
    this.#chunkLeft = 0;
    this.#inTrailers = false;
  }

  /** Takes what has arrived. Does not keep `bytes`. What follows a whole response breaks the protocol: nothing was asked yet. */
  feed(bytes: Buffer): ParserState {
    const given = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = NOTHING;
    let at = 0;
    while (this.#body === undefined) {
      const end = given.indexOf(HEAD_END, at);
      if (end === -1) return this.#wait(given, at);
      if (!this.#readHead(given.toString("latin1", at, end))) return "broken";
      at = end + HEAD_END.length;
    }
    return this.#readBody(given, at);
  }

  /** The connection has ended. */
  end(): ParserState {
    return this.#body?.kind === "untilEnd" ? "complete" : "broken";
  }

  #wait(given: Buffer, at: number): ParserState {
    if (given.length - at > HEAD_BYTES_MAX) return "broken";
    this.#pending = Buffer.from(given.subarray(at));
    return "partial";
  }

  #readHead(head: string): boolean {
    const status = /^HTTP\/1\.([01]) (\d{3})/.exec(head);
    if (status === null) return false;
    this.status = Number(status[2]);
    // 100 and 103 come before the response itself.
    if (this.status < 200) return true;
    const connection = /\r\nconnection:[ \t]*([^\r]*)/i.exec(head)?.[1]?.toLowerCase() ?? "";
    this.keepsAlive = status[1] === "1" ? !connection.includes("close") : connection.includes("keep-alive");
    this.#body = bodyOf(this.status, head);
    if (this.#body.kind === "untilEnd") this.keepsAlive = false;
    return true;
  }

  #readBody(given: Buffer, at: number): ParserState {
    const body = this.#body!;
    if (body.kind === "untilEnd") return "partial";
    if (body.kind === "chunked") return this.#readChunks(given, at);
    const length = body.kind === "length" ? body.left : 0;
    const came = given.length - at;
    if (came > length) return "broken";
    if (body.kind === "length") body.left -= came;
    return came === length ? "complete" : "partial";
  }

  #readChunks(given: Buffer, from: number): ParserState {
    let at = from;
    for (;;) {
      const skipped = Math.min(this.#chunkLeft, given.length - at);
      this.#chunkLeft -= skipped;
      at += skipped;
      const end = given.indexOf(LINE_END, at);
      if (this.#chunkLeft > 0 || end === -1) return this.#wait(given, at);
      const line = given.toString("latin1", at, end);
      at = end + LINE_END.length;
      if (this.#inTrailers) {
        if (line === "") return at === given.length ? "complete" : "broken";
        continue;
      }
      if (!/^[0-9a-f]{1,12}/i.test(line)) return "broken";
      const size = Number.parseInt(line, 16);
      if (size === 0) this.#inTrailers = true;
      else this.#chunkLeft = size + LINE_END.length;
    }
  }
}

function bodyOf(status: number, head: string): Body {
  if (status === 204 || status === 304) return { kind: "none" };
  if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) return { kind: "chunked" };
  const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1];
  return length === undefined ? { kind: "untilEnd" } : { kind: "length", left: Number(length) };
}

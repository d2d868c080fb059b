/** A connection on which the test says every byte, and sees every byte and how it ended. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { until } from "@millrace/testing";
import { splitUrl } from "./http.ts";

const TIMEOUT_MS = 10_000;

export class RawConnection {
  readonly socket: Socket;
  /** Host and port as a Host header names them. */
  readonly host: string;
  /** How many bytes came. */
  bytes = 0;
  /** The code of the error that ended it; empty for an orderly end, undefined while it is open. */
  ended: string | undefined;
  #pieces: Buffer[] = [];

  private constructor(socket: Socket, host: string) {
    this.socket = socket;
    this.host = host;
    let code = "";
    socket.on("data", (piece: Buffer) => {
      this.bytes += piece.length;
      this.#pieces.push(piece);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.ended = code;
    });
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = splitUrl(url);
    const socket = connect({ host: hostname, port, noDelay: true });
    await once(socket, "connect");
    return new RawConnection(socket, `${hostname}:${port}`);
  }

  /** Sends the head of a request; `headers` are whole lines. */
  ask(method: string, url: string, headers: readonly string[] = [], version = "1.1"): void {
    const lines = [`${method} ${splitUrl(url).target} HTTP/${version}`, `host: ${this.host}`, ...headers];
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString("latin1");
  }

  /** Waits until what came fits, answers it, and forgets it. */
  async take(fits: RegExp): Promise<string> {
    const text = await until(() => (fits.test(this.text) ? this.text : undefined), {
      timeoutMs: TIMEOUT_MS,
      message: () => `${fits}; what came was ${JSON.stringify(this.text.slice(-400))} (${this.ended ?? "open"})`,
    });
    this.#pieces = [];
    return text;
  }

  /** Waits for the end, and answers how it came. */
  async end(timeoutMs = TIMEOUT_MS): Promise<string> {
    await until(() => this.ended !== undefined, { timeoutMs, message: "the end of the connection" });
    return this.ended!;
  }

  close(): void {
    this.socket.destroy();
  }
}

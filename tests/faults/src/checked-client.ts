/** A caller that tells a checker all: one connection, one request at a time on it, and an eye on what comes unasked. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { splitUrl } from "@millrace/e2e-tests";
import type { Answer, Checker } from "./checker.ts";

export type CheckedCall = {
  readonly method: "GET" | "POST";
  /** `{id}` stands for the request's id. */
  readonly url: string;
};

export type CheckedClientOptions = {
  readonly checker: Checker;
  readonly gateway: string;
  readonly deadlineMs: number;
};

/** After a connection that was refused, so that trying again does not use up the machine. */
const REFUSED_PAUSE_MS = 20;
/** An answer that is so late is as good as none, and the checker says so. */
const LATE_FACTOR = 2;

export class CheckedClient {
  readonly #options: CheckedClientOptions;
  #socket: Socket | undefined;
  #onAnswer: ((answer: Answer | undefined) => void) | undefined;
  #received = "";

  constructor(options: CheckedClientOptions) {
    this.#options = options;
  }

  /** Makes one call; answers undefined when there was nobody to connect to, or no answer at all. */
  async call({ method, url }: CheckedCall): Promise<Answer | undefined> {
    const { checker, gateway, deadlineMs } = this.#options;
    const { hostname, port, target } = splitUrl(url);
    const socket = this.#socket ?? (await this.#connect(hostname, port));
    if (socket === undefined) return undefined;
    const id = checker.sent({ method, gateway, deadlineMs });
    const answer = await new Promise<Answer | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), deadlineMs * LATE_FACTOR);
      this.#onAnswer = (given) => {
        clearTimeout(timer);
        resolve(given);
      };
      const length = method === "POST" ? "content-length: 0\r\n" : "";
      socket.write(`${method} ${target.replace("{id}", id)} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${length}\r\n`);
    });
    this.#onAnswer = undefined;
    if (answer === undefined) this.close();
    else checker.answered(id, answer);
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #connect(host: string, port: number): Promise<Socket | undefined> {
    const socket = connect({ host, port, noDelay: true }).setEncoding("latin1");
    socket.on("error", () => {});
    try {
      await once(socket, "connect");
    } catch {
      await pause(REFUSED_PAUSE_MS);
      return undefined;
    }
    this.#socket = socket;
    this.#received = "";
    socket.on("data", (text: unknown) => this.#onData(String(text)));
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#onAnswer?.("unknown");
    });
    return socket;
  }

  #onData(text: string): void {
    this.#received += text;
    const read = readAnswer(this.#received);
    if (read === undefined && this.#onAnswer !== undefined) return;
    if (read === undefined || this.#onAnswer === undefined) {
      this.#options.checker.unasked(this.#options.gateway, this.#received);
      this.#received = "";
      return;
    }
    this.#received = this.#received.slice(read.length);
    if (read.closes) this.close();
    this.#onAnswer(read.answer);
    this.#onAnswer = undefined;
    if (this.#received !== "") this.#onData("");
  }
}

/** The answer at the beginning of the text, once it is whole. Bodies of this load are small, so they all have a length. */
function readAnswer(text: string): { answer: Answer; length: number; closes: boolean } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const bodyLength = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
  const length = headEnd + 4 + bodyLength;
  if (text.length < length) return undefined;
  const body = text.slice(headEnd + 4, length);
  const reason = status === 200 ? "" : (/"reason":"(\w+)"/.exec(body)?.[1] ?? "no reason");
  return { answer: { status, reason, id: body }, length, closes: /\r\nconnection: close/i.test(head) };
}

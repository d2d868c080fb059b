import type { Head } from "@millrace/frames";
import { type Reason, type Refusal, refuse } from "../answering/reasons.ts";
import type { AnswerSink, Call } from "../dispatching/call.ts";
import { type Exchange, NO_LENGTH } from "./exchange.ts";
import { forwardedResponseHeaders } from "./forwarding.ts";

const NO_BODY = Buffer.alloc(0);

/** Turns what a runner answers into the response, no faster than the caller takes it. */
export class FunctionAnswer implements AnswerSink {
  readonly #exchange: Exchange;
  readonly #cancel: (call: Call) => void;
  #call: Call | null = null;
  /** Bytes written for which the caller has made no room yet. */
  #unflushed = 0;

  constructor(exchange: Exchange, cancel: (call: Call) => void) {
    this.#exchange = exchange;
    this.#cancel = cancel;
  }

  /** The call whose answer this is; the caller's leaving ends it. */
  follow(call: Call): void {
    this.#call = call;
    this.#exchange.response.once("close", () => this.#cancel(call));
  }

  head(head: Head, end: boolean): void {
    this.#noteAttempt();
    const headers = forwardedResponseHeaders(head.headers);
    if (headers === null || head.status < 200 || head.status > 599) {
      this.failed(
        "function_response_invalid",
        "The function's response has a status or a header that HTTP cannot carry.",
      );
      this.#leave();
      return;
    }
    const { request } = this.#exchange;
    if (end && !NO_LENGTH.has(head.status)) headers.push("content-length", String(head.body.length));
    this.#exchange.writeHead(head.status, headers);
    const bodiless = request.method === "HEAD" || NO_LENGTH.has(head.status);
    if (bodiless && !end) this.#leave();
    if (bodiless) this.#exchange.end(NO_BODY);
    else this.#write(Buffer.from(head.body.buffer, head.body.byteOffset, head.body.byteLength), end);
  }

  chunk(bytes: Buffer, end: boolean): void {
    if (!this.#exchange.response.writableEnded) this.#write(bytes, end);
  }

  failed(reason: Reason, detail: string): void {
    this.#noteAttempt();
    this.#exchange.refuse(refuse(reason, detail));
  }

  /** The gateway itself ends the exchange: its caller breaks a rule while the function runs. */
  refuse(refusal: Refusal): void {
    if (this.#exchange.response.writableEnded) return;
    this.#noteAttempt();
    this.#leave();
    this.#exchange.refuse(refusal);
  }

  #write(bytes: Buffer, end: boolean): void {
    const { response } = this.#exchange;
    this.#exchange.bytesOut += bytes.length;
    if (end) {
      this.#exchange.end(bytes);
      return;
    }
    const flowing = response.write(bytes);
    if (flowing && this.#unflushed === 0) this.#call!.consumed(bytes.length);
    else {
      if (this.#unflushed === 0) response.once("drain", () => this.#onDrain());
      this.#unflushed += bytes.length;
    }
  }

  #onDrain(): void {
    const flushed = this.#unflushed;
    this.#unflushed = 0;
    this.#call!.consumed(flushed);
  }

  #leave(): void {
    if (this.#call) this.#cancel(this.#call);
  }

  #noteAttempt(): void {
    this.#exchange.attempts = this.#call?.attempts ?? 0;
    this.#exchange.runner = this.#call?.runner?.id ?? "";
  }
}

import type { Head } from "@millrace/frames";
import { type Reason, type Refusal, refuse } from "../answering/reasons.ts";
import type { AnswerSink, Call } from "../dispatching/call.ts";
import { EDGE_LIMITS } from "../limits.ts";
import { BODILESS, type Exchange } from "./exchange.ts";
import { declaredLength, forwardedResponseHeaders } from "./forwarding.ts";
import { serverTiming } from "./server-timing.ts";

const NO_BODY = Buffer.alloc(0);

/** Turns what a runner answers into the response, no faster than the caller takes it. */
export class FunctionAnswer implements AnswerSink {
  readonly #exchange: Exchange;
  readonly #cancel: (call: Call) => void;
  readonly #untakenMs: number;
  #call: Call | null = null;
  /** Bytes written for which the caller has made no room yet. */
  #unflushed = 0;
  /** Bytes of the body that the head promised and that are still to come; null when it promised nothing. */
  #promised: number | null = null;

  constructor(exchange: Exchange, cancel: (call: Call) => void, untakenMs: number = EDGE_LIMITS.untakenAnswerMs) {
    this.#exchange = exchange;
    this.#cancel = cancel;
    this.#untakenMs = untakenMs;
  }

  /** The call whose answer this is; the caller's leaving ends it, and so does a fault of the caller's. */
  follow(call: Call): void {
    this.#call = call;
    this.#exchange.call = call;
    this.#exchange.abandon = () => this.#cancel(call);
    this.#exchange.response.once("close", this.#exchange.abandon);
  }

  head(head: Head, end: boolean): void {
    const headers = forwardedResponseHeaders(head.headers);
    if (headers === null || head.status < 200 || head.status > 599) {
      this.failed(
        "function_response_invalid",
        "The function's response has a status or headers that HTTP cannot carry.",
      );
      this.#leave();
      return;
    }
    const bodiless = this.#exchange.request.method === "HEAD" || BODILESS.has(head.status);
    const length = bodiless ? bodilessLength(head) : end ? head.body.length : declaredLength(head.headers);
    if (length !== null) headers.push("content-length", String(length));
    // What callers of an API that is online could learn of its inside is none of their business.
    if (this.#exchange.deployment!.environment !== "online") {
      headers.push("server-timing", serverTiming(this.#exchange.startedAtMs, this.#call!, performance.now()));
    }
    this.#promised = length;
    this.#exchange.writeHead(head.status, headers);
    if (bodiless && !end) this.#leave();
    if (bodiless) this.#exchange.end(NO_BODY);
    else this.#write(Buffer.from(head.body.buffer, head.body.byteOffset, head.body.byteLength), end);
  }

  chunk(bytes: Buffer, end: boolean): void {
    if (!this.#exchange.response.writableEnded) this.#write(bytes, end);
  }

  failed(reason: Reason, detail: string): void {
    this.#exchange.refuse(refuse(reason, detail));
  }

  /** The gateway itself ends the exchange: its caller breaks a rule while the function runs. */
  refuse(refusal: Refusal): void {
    if (this.#exchange.response.writableEnded) return;
    this.#leave();
    this.#exchange.refuse(refusal);
  }

  #write(bytes: Buffer, end: boolean): void {
    const { response } = this.#exchange;
    if (!this.#keepsPromise(bytes.length, end)) {
      this.#leave();
      this.failed("function_response_invalid", "The function's response is not as long as it said.");
      return;
    }
    this.#exchange.bytesOut += bytes.length;
    if (end) {
      this.#exchange.end(bytes);
      return;
    }
    const flowing = response.write(bytes);
    if (flowing && this.#unflushed === 0) this.#call!.consumed(bytes.length);
    else {
      if (this.#unflushed === 0) this.#awaitRoom();
      this.#unflushed += bytes.length;
    }
  }

  #keepsPromise(bytes: number, end: boolean): boolean {
    if (this.#promised === null) return true;
    this.#promised -= bytes;
    return end ? this.#promised === 0 : this.#promised >= 0;
  }

  /** The function waits for its caller. */
  #awaitRoom(): void {
    this.#exchange.awaitRoom(this.#untakenMs, () => {
      const flushed = this.#unflushed;
      this.#unflushed = 0;
      this.#call!.consumed(flushed);
    });
  }

  #leave(): void {
    if (this.#call) this.#cancel(this.#call);
  }
}

/**
 * What a response without a body says of the length: for HEAD and 304, what the function says of the body that there would be with GET
 * (RFC 9110, 8.6). Of an empty body for HEAD it is not known whether GET would have one.
 */
function bodilessLength({ status, headers, body }: Head): number | null {
  if (status === 204) return null;
  if (status === 205) return 0;
  return declaredLength(headers) ?? (status !== 304 && body.length > 0 ? body.length : null);
}

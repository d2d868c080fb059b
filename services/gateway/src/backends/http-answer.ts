import { type Refusal, refuse } from "../answering/reasons.ts";
import { BODILESS, type Exchange } from "../edge/exchange.ts";
import { declaredLength, forwardedResponseHeaders } from "../edge/forwarding.ts";
import { EDGE_LIMITS } from "../limits.ts";
import type { HttpCall, HttpSink } from "./http-call.ts";

const NO_BODY = Buffer.alloc(0);

/** Turns what an http backend answers into the response, no faster than the caller takes it. */
export class HttpAnswer implements HttpSink {
  readonly #exchange: Exchange;
  #call: HttpCall | null = null;
  #hasData = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The call whose answer this is; the caller's leaving ends it, and so does a fault of the caller's. */
  follow(call: HttpCall): void {
    this.#call = call;
    this.#exchange.abandon = () => call.cancel();
    this.#exchange.response.once("close", this.#exchange.abandon);
  }

  head(status: number, headers: string[]): void {
    const exchange = this.#exchange;
    exchange.backend!.status = status;
    const forwarded = forwardedResponseHeaders(headers);
    if (forwarded === null || status > 599) {
      this.failed(
        refuse("backend_failed", "The backend's answer has a status or headers that callers cannot be sent."),
      );
      return;
    }
    const length = lengthOf(status, headers);
    if (length !== null) forwarded.push("content-length", String(length));
    exchange.writeHead(status, forwarded);
    // What comes with the head is written together with it; a head that comes alone does not wait for more.
    queueMicrotask(() => {
      if (!this.#hasData && !exchange.response.writableEnded) exchange.response.flushHeaders();
    });
  }

  data(bytes: Buffer): boolean {
    const { response } = this.#exchange;
    if (response.writableEnded || response.destroyed) return true;
    this.#hasData = true;
    this.#exchange.bytesOut += bytes.length;
    if (response.write(bytes)) return true;
    this.#exchange.awaitRoom(EDGE_LIMITS.untakenAnswerMs, () => this.#call!.resume());
    return false;
  }

  end(): void {
    if (!this.#exchange.response.writableEnded) this.#exchange.end(NO_BODY);
  }

  failed(refusal: Refusal): void {
    if (!this.#exchange.response.writableEnded) this.#exchange.refuse(refusal);
  }
}

/** What the response says of its length: what the backend said of it. Of 204 nothing may be said, and 205 has none. */
function lengthOf(status: number, headers: readonly string[]): number | null {
  if (status === 204) return null;
  if (BODILESS.has(status) && status !== 304) return 0;
  return declaredLength(headers);
}

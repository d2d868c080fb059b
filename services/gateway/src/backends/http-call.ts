import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { type Refusal, refuse } from "../answering/reasons.ts";
import type { BodyFeed } from "../dispatching/body-feed.ts";
import { type BackendFailure, failureOf } from "./backend-failure.ts";
import type { Ticket } from "./circuit-breaker.ts";
import { FeedStream } from "./feed-stream.ts";
import type { Origin } from "./origins.ts";

export interface HttpRequest {
  method: string;
  /** With the query. */
  path: string;
  /** Flat. */
  headers: string[];
  /** A feed is sent as it comes. */
  body: Buffer | BodyFeed | null;
  /** For TLS: the URL's host, whatever Host says. */
  servername: string;
}

export interface HttpTerms {
  timeoutMs: number;
  /** How often the request may be sent again. */
  retries: number;
  /** The method promises to change nothing. */
  safe: boolean;
  /** By when all of the answer must be here. */
  deadlineAtMs: number;
  nowMs: () => number;
  /** What went wrong was the gateway's. */
  onFault: (error: Error) => void;
}

/** Where the answer goes: `head`, data, `end`; or `failed`, at any point, once. */
export interface HttpSink {
  /** `headers` is flat, as received. */
  head(status: number, headers: string[]): void;
  /** False when no more is wanted until `resume`. */
  data(bytes: Buffer): boolean;
  end(): void;
  failed(refusal: Refusal): void;
}

/**
 * A request at an http backend, with the attempts that it takes. One clock runs: while the backend is waited for, not while the caller
 * is, and never beyond the deadline. Another attempt is made of what was not sent yet, and of safe methods until the answer begins.
 */
export class HttpCall {
  readonly #origin: Origin;
  readonly #request: HttpRequest;
  readonly #terms: HttpTerms;
  readonly #sink: HttpSink;
  #attempt: Attempt | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** When the backend last did something. */
  #touchedAtMs: number;
  #isPaused = false;
  #isOver = false;
  attempts = 0;

  constructor(origin: Origin, request: HttpRequest, terms: HttpTerms, sink: HttpSink) {
    this.#origin = origin;
    this.#request = request;
    this.#terms = terms;
    this.#sink = sink;
    this.#touchedAtMs = terms.nowMs();
  }

  /** `ticket` admits the first attempt. */
  start(ticket: Ticket): void {
    this.#origin.retries.earn();
    this.#watch();
    this.#try(ticket);
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#attempt!.abandon();
  }

  /** The caller takes data again. */
  resume(): void {
    this.touch();
    this.#isPaused = false;
    this.#attempt?.controller?.resume();
  }

  touch(): void {
    this.#touchedAtMs = this.#terms.nowMs();
  }

  onHead(status: number, headers: string[]): void {
    this.touch();
    this.#sink.head(status, headers);
  }

  onData(attempt: Attempt, bytes: Buffer): void {
    this.touch();
    if (this.#isOver || this.#sink.data(bytes)) return;
    this.#isPaused = true;
    attempt.controller?.pause();
  }

  onEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink.end();
  }

  onFailed(attempt: Attempt, failure: BackendFailure, error: Error): void {
    if (this.#isOver) return;
    if (failure.refusal.reason === "internal") this.#terms.onFault(error);
    const ticket = this.#mayTryAgain(attempt, failure) ? this.#admitAgain() : null;
    if (ticket !== null) {
      this.#try(ticket);
      return;
    }
    this.#finish();
    this.#sink.failed(failure.refusal);
  }

  #try(ticket: Ticket): void {
    this.attempts++;
    const { body } = this.#request;
    const stream = body === null || Buffer.isBuffer(body) ? null : new FeedStream(body, () => this.touch());
    this.#attempt = new Attempt(this, this.#origin, ticket, this.#terms.nowMs, stream);
    this.#attempt.start({ ...this.#request, body: stream ?? (body as Buffer | null) });
  }

  #mayTryAgain({ isSent, hasHead, stream }: Attempt, { isFinal }: BackendFailure): boolean {
    const { retries, safe } = this.#terms;
    const mayRunTwice = !hasHead && (!isSent || safe) && stream?.isBegun !== true;
    return !isFinal && mayRunTwice && this.attempts <= retries;
  }

  #admitAgain(): Ticket | null {
    const { circuit, retries } = this.#origin;
    const nowMs = this.#terms.nowMs();
    const ticket = circuit.admit(nowMs);
    if (ticket === null || retries.spend(nowMs)) return ticket;
    circuit.forget(ticket);
    return null;
  }

  #watch(): void {
    const { timeoutMs, deadlineAtMs, nowMs } = this.#terms;
    const dueAtMs = Math.min(this.#touchedAtMs + timeoutMs, deadlineAtMs);
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(dueAtMs - nowMs())));
  }

  #onTimer(): void {
    const { timeoutMs, deadlineAtMs, nowMs } = this.#terms;
    const now = nowMs();
    if (this.#isPaused || this.#attempt?.stream?.isStarved) this.#touchedAtMs = now;
    if (now < Math.min(this.#touchedAtMs + timeoutMs, deadlineAtMs)) {
      this.#watch();
      return;
    }
    this.#finish();
    this.#attempt?.timeOut();
    this.#sink.failed(refuse("backend_timeout", "The backend did not answer in time."));
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

/** One sending of the request; what undici calls. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #call: HttpCall;
  readonly #origin: Origin;
  readonly #ticket: Ticket;
  readonly #nowMs: () => number;
  readonly stream: FeedStream | null;
  controller: Dispatcher.DispatchController | null = null;
  /** It has got a connection, so that the backend may know of it. */
  isSent = false;
  hasHead = false;
  #isAbandoned = false;
  #isJudged = false;
  #isOver = false;

  constructor(call: HttpCall, origin: Origin, ticket: Ticket, nowMs: () => number, stream: FeedStream | null) {
    this.#call = call;
    this.#origin = origin;
    this.#ticket = ticket;
    this.#nowMs = nowMs;
    this.stream = stream;
  }

  start(request: Omit<HttpRequest, "body"> & { body: Buffer | FeedStream | null }): void {
    this.#origin.enter();
    this.#origin.pool.dispatch(request as Dispatcher.DispatchOptions, this);
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#judge("forget");
    this.controller?.abort(new Error("nobody waits for the answer"));
  }

  timeOut(): void {
    this.#judge("fail");
    this.abandon();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.isSent = true;
    this.#call.touch();
    if (this.#isAbandoned) controller.abort(new Error("nobody waits for the answer"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#isAbandoned) return;
    this.hasHead = true;
    this.#judge("succeed");
    this.#call.onHead(
      status,
      (controller.rawHeaders as Buffer[]).map((text) => text.toString("latin1")),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (!this.#isAbandoned) this.#call.onData(this, bytes);
  }

  onResponseEnd(): void {
    if (this.#leave() && !this.#isAbandoned) this.#call.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#leave() || this.#isAbandoned) return;
    const failure = failureOf(error, this);
    this.#judge(failure.isOurs ? "forget" : "fail");
    this.#call.onFailed(this, failure, error);
  }

  #leave(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#origin.leave(this.#nowMs());
    return true;
  }

  /** Tells the circuit, once, how it went. */
  #judge(end: "succeed" | "fail" | "forget"): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    const { circuit } = this.#origin;
    if (end === "forget") circuit.forget(this.#ticket);
    else circuit[end](this.#ticket, this.#nowMs());
  }
}

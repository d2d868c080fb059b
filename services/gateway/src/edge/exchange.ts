import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Identity } from "@millrace/frames";
import { ANONYMOUS } from "../access/access.ts";
import { problemBody, problemHeaders } from "../answering/problem.ts";
import { REASONS, type Reason, type Refusal } from "../answering/reasons.ts";
import type { Call } from "../dispatching/call.ts";
import { EDGE_LIMITS } from "../limits.ts";
import { randomHex } from "../observing/random-ids.ts";
import type { RequestSpan } from "../observing/traces.ts";
import type { MockBackend, PlannedRoute } from "../releases/deployment-plan.ts";
import type { Deployment } from "../releases/deployments.ts";
import type { PlacedVersion } from "../releases/functions.ts";
import type { RequestHead } from "./request-head.ts";

/** One request and its answer: what became known of it on the way, and the only place that writes to the response. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId = randomHex(16);
  readonly startedAtMs = performance.now();
  /** The caller waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  readonly #isDraining: () => boolean;
  head: RequestHead | null = null;
  span: RequestSpan | null = null;
  deployment: Deployment | null = null;
  route: PlannedRoute | null = null;
  identity: Identity = ANONYMOUS;
  reason: Reason | null = null;
  /** Of the function that is called, and the call. */
  version: PlacedVersion | null = null;
  call: Call | null = null;
  /** Of the http backend that was asked, and the status it answered; 0 before it has. */
  backend: { host: string; status: number } | null = null;
  /** When it was known that the caller may, when a function was asked for, and when the answer began; 0 before. */
  admittedAtMs = 0;
  invokedAtMs = 0;
  headAtMs = 0;
  /** Of the answer, flat. */
  headers: readonly string[] = [];
  /** Whether anybody reads the body yet; what comes after is thrown away. */
  bodyWanted = true;
  /** Ends the work on an answer that nobody will get. */
  abandon: (() => void) | null = null;
  bytesIn = 0;
  bytesOut = 0;

  constructor(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean, isDraining: () => boolean) {
    this.request = request;
    this.response = response;
    this.expectsContinue = expectsContinue;
    this.#isDraining = isDraining;
  }

  get answered(): boolean {
    return this.response.headersSent;
  }

  get scheme(): "http" | "https" {
    return this.serverName === undefined ? "http" : "https";
  }

  /** What the caller named when it opened its TLS connection; false for nobody, undefined without TLS. */
  get serverName(): string | false | undefined {
    const { servername } = this.request.socket as Partial<TLSSocket>;
    return servername === null ? false : servername;
  }

  get sourceIp(): string {
    return addressOf(this.request.socket);
  }

  /** Answers with a problem. An answer that has begun cannot be taken back: then the connection is broken off. */
  refuse(refusal: Refusal): void {
    this.reason = refusal.reason;
    this.abandon?.();
    if (this.answered) {
      this.#breakOff();
      return;
    }
    const body = problemBody(refusal, this.requestId);
    const unread = this.#leavesBodyUnread();
    this.writeHead(REASONS[refusal.reason].status, problemHeaders(refusal, body), refusal.closes === true || unread);
    this.bytesOut = body.length;
    if (unread) this.#endLingering(body);
    else this.end(body);
  }

  /** By a reset: to who reads until the connection ends, an orderly end would make a part look like the whole. */
  #breakOff(): void {
    const { response } = this;
    if (response.socket) response.socket.resetAndDestroy();
    else response.destroy();
  }

  answerMock({ status, headers, body }: MockBackend): void {
    const withLength = BODILESS.has(status) ? headers : [...headers, "content-length", String(body.length)];
    const unread = this.#leavesBodyUnread();
    this.writeHead(status, withLength, unread);
    this.bytesOut = body.length;
    if (unread) this.#endLingering(body);
    else this.end(body);
  }

  /** `headers` is flat; what every answer carries is added. */
  writeHead(status: number, headers: readonly string[], closes = false): void {
    this.headAtMs = performance.now();
    this.headers = headers;
    const all = [...headers, "x-millrace-request-id", this.requestId];
    if (closes || this.#isDraining()) all.push("connection", "close");
    this.response.writeHead(status, all);
  }

  /** Ends the answer with the last of its body. Node sends a short text together with the head, and bytes always apart from it. */
  end(body: Buffer): void {
    if (body.length <= TOGETHER_BYTES_MAX) this.response.end(body.toString("latin1"), "latin1");
    else this.response.end(body);
    this.#discardBody();
  }

  /** `onRoom` is called when the caller has taken what was written. Its connection's clock counts from whatever moves on it, and who lets nothing move loses it. */
  awaitRoom(untakenMs: number, onRoom: () => void): void {
    const { socket } = this.response;
    const timeoutMs = socket?.timeout ?? 0;
    socket?.setTimeout(untakenMs);
    this.response.once("drain", () => {
      socket?.setTimeout(timeoutMs);
      onRoom();
    });
  }

  /** A caller may write its whole body before it reads the answer, and writes the next request behind it. */
  #discardBody(): void {
    this.bodyWanted = false;
    this.request.resume();
  }

  /** Whether so much of the body is still to come that it is not read just to be thrown away. */
  #leavesBodyUnread(): boolean {
    if (this.request.complete || this.request.socket.readableEnded || this.head === null) return false;
    const { contentLength } = this.head;
    return contentLength === null || contentLength > EDGE_LIMITS.smallBodyBytesMax;
  }

  /**
   * Closing a connection on which bytes arrive makes the system tear it down, and the caller may never see the answer. So the answer is
   * written, what arrives is thrown away for a moment, and only then the response ends and with it the connection.
   */
  #endLingering(body: Buffer): void {
    const { request, response } = this;
    response.write(body);
    const end = () => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(end, EDGE_LIMITS.lingerMs);
    request.once("end", end).once("close", end);
    this.#discardBody();
  }
}

/** Of who is at the other end. */
export function addressOf({ remoteAddress = "" }: { remoteAddress?: string | undefined }): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
}

const TOGETHER_BYTES_MAX = 16 * 1024;

/** Statuses whose responses have no body. */
export const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

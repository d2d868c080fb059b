import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { problemBody, problemHeaders } from "../answering/problem.ts";
import { REASONS, type Refusal, refuse } from "../answering/reasons.ts";
import { EDGE_LIMITS } from "../limits.ts";
import { randomHex } from "../observing/random-ids.ts";
import { addressOf, Exchange } from "./exchange.ts";
import { leaveSharedPort } from "./shared-port.ts";

export interface GatewayHttpOptions {
  host: string;
  port: number;
  /** Where other gateways of this machine listen as well. */
  shared?: { host: string; port: number } | undefined;
  /** For tests that cannot wait as long. */
  stalledMs?: number;
  /** Serves one request; what it throws is answered `internal` and logged. */
  serve: (exchange: Exchange) => Promise<void>;
  /** What came was no request: it was refused before there was an exchange. */
  onUnparsed: (refusal: Refusal, requestId: string, sourceIp: string) => void;
  /** The exchange is over, whoever ended it. */
  onEnd: (exchange: Exchange) => void;
  log: { error(fields: object, message: string): void; debug(fields: object, message: string): void };
}

const UNEXPECTED = refuse("request_malformed", "The only expectation known here is 100-continue.");

/** The HTTP edge: Node's parser with every bound set, and answers in the one form for what it cannot parse. */
export class GatewayHttp {
  readonly #options: GatewayHttpOptions;
  readonly #server: Server;
  readonly #sharedServer: Server | undefined;
  readonly #underWay = new WeakMap<Socket, Exchange>();
  #inFlight = 0;
  #leaving: Promise<void> | undefined;
  #draining = false;

  constructor(options: GatewayHttpOptions) {
    this.#options = options;
    this.#server = this.#createServer();
    this.#sharedServer = options.shared && this.#createServer();
  }

  #createServer(): Server {
    const server = createServer({
      maxHeaderSize: EDGE_LIMITS.headBytesMax,
      headersTimeout: EDGE_LIMITS.headersTimeoutMs,
      requestTimeout: EDGE_LIMITS.requestTimeoutMs,
      keepAliveTimeout: EDGE_LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: EDGE_LIMITS.timeoutCheckIntervalMs,
      noDelay: true,
      // Checked with the other rules, so that the refusal has the one form.
      requireHostHeader: false,
    });
    // Node would drop what is over a count without a word; the head's size bounds it, and the count is checked.
    server.maxHeadersCount = 0;
    server.maxRequestsPerSocket = EDGE_LIMITS.requestsPerConnectionMax;
    server.timeout = this.#options.stalledMs ?? EDGE_LIMITS.stalledMs;
    server.maxConnections = EDGE_LIMITS.connectionsMax;
    server.on("request", (request, response) => this.#begin(request, response, false));
    server.on("checkContinue", (request, response) => this.#begin(request, response, true));
    server.on("checkExpectation", (request, response) => {
      this.#exchange(request, response, false).refuse(UNEXPECTED);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => this.#onClientError(error, socket));
    return server;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async listen(): Promise<void> {
    const { host, port, shared } = this.#options;
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
    if (this.#sharedServer === undefined) return;
    this.#sharedServer.listen({ ...shared, reusePort: true });
    await once(this.#sharedServer, "listening");
  }

  /** Leaves the shared port; from then on every answer closes its connection, so that keep-alive callers move on. */
  beginDrain(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    // In this order: who is told to come anew must not come here.
    if (this.#sharedServer?.listening) await leaveSharedPort(this.#sharedServer);
    this.#draining = true;
  }

  /** Takes no new connection and waits for those that are there to finish their requests. */
  async drain(): Promise<void> {
    await this.beginDrain();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Breaks off whatever is left. */
  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  get #servers(): Server[] {
    return [this.#server, ...(this.#sharedServer ? [this.#sharedServer] : [])];
  }

  #begin(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const exchange = this.#exchange(request, response, expectsContinue);
    this.#options.serve(exchange).catch((err: unknown) => {
      this.#options.log.error({ err, requestId: exchange.requestId }, "a request could not be served");
      exchange.refuse(refuse("internal", "The gateway could not serve the request."));
    });
  }

  #exchange(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Exchange {
    const exchange = new Exchange(request, response, expectsContinue, () => this.#draining);
    this.#underWay.set(request.socket, exchange);
    this.#inFlight++;
    response.once("close", () => {
      this.#inFlight--;
      if (this.#underWay.get(request.socket) === exchange) this.#underWay.delete(request.socket);
      this.#options.onEnd(exchange);
    });
    return exchange;
  }

  /** The parser gave up, or the request did not come in time. */
  #onClientError(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket): void {
    const exchange = this.#underWay.get(socket);
    if (!socket.writable || error.code === "ECONNRESET" || (exchange?.answered && !exchange.request.complete)) {
      socket.destroy();
    } else if (exchange?.request.complete) {
      // It came behind a request that is whole: that one is answered first.
      socket.pause();
      exchange.response.once("finish", () => this.#refuseUnparsed(error, socket));
    } else if (exchange) exchange.refuse(refusalOf(error));
    else this.#refuseUnparsed(error, socket);
  }

  #refuseUnparsed(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket): void {
    const refusal = refusalOf(error);
    const requestId = randomHex(16);
    this.#options.onUnparsed(refusal, requestId, addressOf(socket));
    this.#options.log.debug({ requestId, reason: refusal.reason, parser: error.code }, "a request could not be parsed");
    socket.end(rawAnswer(refusal, requestId));
  }
}

function refusalOf(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): Refusal {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return malformed("The request did not arrive in time.");
  if (error.code !== "HPE_HEADER_OVERFLOW") return malformed("The request is not well-formed HTTP/1.1.");
  const { headBytesMax, targetBytesMax } = EDGE_LIMITS;
  const lineEnd = error.rawPacket?.indexOf("\r\n") ?? 0;
  const target = lineEnd === -1 || lineEnd > targetBytesMax;
  const refusal = target
    ? refuse("uri_too_long", `The request target is over ${targetBytesMax} bytes.`)
    : refuse("headers_too_large", `The request line and headers are over ${headBytesMax} bytes.`);
  return { ...refusal, closes: true };
}

function malformed(detail: string): Refusal {
  return { ...refuse("request_malformed", detail), closes: true };
}

/** An answer for a connection that has no response object. */
function rawAnswer(refusal: Refusal, requestId: string): Buffer {
  const body = problemBody(refusal, requestId);
  const headers = [...problemHeaders(refusal, body), "x-millrace-request-id", requestId, "connection", "close"];
  let head = `HTTP/1.1 ${REASONS[refusal.reason].status} ${REASONS[refusal.reason].title}\r\n`;
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), body]);
}

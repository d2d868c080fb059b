import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { ListenOptions, Socket } from "node:net";
import type { SecureContext, SecureContextOptions } from "node:tls";
import { problemBody, problemHeaders } from "../answering/problem.ts";
import { REASONS, type Refusal, refuse } from "../answering/reasons.ts";
import { type HandshakeRefusal, handshakeRefusalOf, NO_CERTIFICATE } from "../domains/handshake-refusal.ts";
import { EDGE_LIMITS, TLS_LIMITS } from "../limits.ts";
import { randomHex } from "../observing/random-ids.ts";
import { addressOf, Exchange } from "./exchange.ts";
import { leaveSharedPort } from "./shared-port.ts";

/** Certificates by the name that a caller opens its connection for. */
interface CertificateSource {
  /** Null: the handshake is refused. */
  contextOf(name: string): SecureContext | null;
  /** For callers that name nobody. */
  readonly unnamed: SecureContextOptions;
  /** Tells when `unnamed` has changed. */
  watch(onChange: () => void): void;
  close(): void;
}

export interface HttpsOptions {
  host: string;
  port: number;
  shared?: { host: string; port: number } | undefined;
  /** For tests that cannot wait as long. */
  handshakeTimeoutMs?: number;
  certificates: CertificateSource;
}

export interface GatewayHttpOptions {
  host: string;
  port: number;
  /** Where other gateways of this machine listen as well. */
  shared?: { host: string; port: number } | undefined;
  /** The same over TLS. */
  https?: HttpsOptions | undefined;
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

const SERVER_OPTIONS = {
  maxHeaderSize: EDGE_LIMITS.headBytesMax,
  headersTimeout: EDGE_LIMITS.headersTimeoutMs,
  requestTimeout: EDGE_LIMITS.requestTimeoutMs,
  keepAliveTimeout: EDGE_LIMITS.keepAliveTimeoutMs,
  connectionsCheckingInterval: EDGE_LIMITS.timeoutCheckIntervalMs,
  noDelay: true,
  // Checked with the other rules, so that the refusal has the one form.
  requireHostHeader: false,
} as const;

const UNEXPECTED = refuse("request_malformed", "The only expectation known here is 100-continue.");

/** The HTTP edge: Node's parser with every bound set, and answers in the one form for what it cannot parse. */
export class GatewayHttp {
  /** Since the process began. */
  readonly refusedHandshakes: Record<HandshakeRefusal, number> = {
    no_certificate: 0,
    no_agreement: 0,
    caller_refused: 0,
    caller_left: 0,
    timeout: 0,
  };
  readonly #options: GatewayHttpOptions;
  readonly #server: Server;
  readonly #sharedServer: Server | undefined;
  readonly #tlsServer: TlsServer | undefined;
  readonly #sharedTlsServer: TlsServer | undefined;
  readonly #underWay = new WeakMap<Socket, Exchange>();
  #inFlight = 0;
  #leaving: Promise<void> | undefined;
  #draining = false;

  constructor(options: GatewayHttpOptions) {
    this.#options = options;
    const { shared, https } = options;
    this.#server = this.#prepare(createServer(SERVER_OPTIONS));
    this.#sharedServer = shared && this.#prepare(createServer(SERVER_OPTIONS));
    this.#tlsServer = https && this.#createTlsServer(https);
    this.#sharedTlsServer = https?.shared && this.#createTlsServer(https);
  }

  #createTlsServer({ certificates, handshakeTimeoutMs }: HttpsOptions): TlsServer {
    const server = createTlsServer({
      ...SERVER_OPTIONS,
      ...certificates.unnamed,
      handshakeTimeout: handshakeTimeoutMs ?? TLS_LIMITS.handshakeTimeoutMs,
      SNICallback: (name, settle) => {
        const context = certificates.contextOf(name);
        if (context !== null) return settle(null, context);
        this.#options.log.debug({ name }, "a TLS connection was refused: no certificate is for the name");
        settle(NO_CERTIFICATE);
      },
    });
    // Before the handshake is done there is nobody to answer.
    server.prependListener("tlsClientError", (error, socket) => {
      this.refusedHandshakes[handshakeRefusalOf(error)]++;
      socket.destroy();
    });
    return this.#prepare(server);
  }

  #prepare<T extends Server | TlsServer>(server: T): T {
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

  /** Of TLS; undefined without it. */
  get httpsPort(): number | undefined {
    return (this.#tlsServer?.address() as { port: number } | undefined)?.port;
  }

  async listen(): Promise<void> {
    const { host, port, shared, https } = this.#options;
    await listening(this.#server, { host, port });
    if (this.#sharedServer) await listening(this.#sharedServer, { ...shared, reusePort: true });
    if (https === undefined) return;
    await listening(this.#tlsServer!, { host: https.host, port: https.port });
    if (this.#sharedTlsServer) await listening(this.#sharedTlsServer, { ...https.shared, reusePort: true });
    const { certificates } = https;
    certificates.watch(() => {
      this.#tlsServer!.setSecureContext(certificates.unnamed);
      this.#sharedTlsServer?.setSecureContext(certificates.unnamed);
    });
  }

  /** Leaves the shared ports; from then on every answer closes its connection, so that keep-alive callers move on. */
  beginDrain(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    // In this order: who is told to come anew must not come here.
    for (const server of [this.#sharedServer, this.#sharedTlsServer]) {
      if (server?.listening) await leaveSharedPort(server);
    }
    this.#draining = true;
  }

  /** Takes no new connection and waits for those that are there to finish their requests. */
  async drain(): Promise<void> {
    await this.beginDrain();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Breaks off whatever is left. */
  close(): void {
    this.#options.https?.certificates.close();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  get #servers(): (Server | TlsServer)[] {
    const servers = [this.#server, this.#sharedServer, this.#tlsServer, this.#sharedTlsServer];
    return servers.filter((server) => server !== undefined);
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

async function listening(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, "listening");
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

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { PlatformError } from "@millrace/errors";
import { type Resource, SessionGate } from "@millrace/lifecycle";
import type { Logger } from "@millrace/telemetry";
import {
  CONNECTIONS_MAX,
  DRAIN_TIMEOUT_MS,
  HEADER_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  HELD_BYTES_MAX,
  REQUEST_TIMEOUT_MS,
} from "../limits.ts";
import { ByteBudget } from "./byte-budget.ts";
import { Exchange } from "./exchange.ts";
import { problemOf } from "./problem.ts";

export interface HttpServerOptions {
  host: string;
  port: number;
  log: Pick<Logger, "info" | "warn" | "error">;
  /** Browsers reach the console over https. */
  secure: boolean;
  handle(exchange: Exchange): Promise<void>;
}

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves `handle`, whatever it throws, with bounds on everything that a caller can hold open. */
export async function serveHttp(options: HttpServerOptions): Promise<Resource & { port: number }> {
  const gate = new SessionGate();
  const budget = new ByteBudget(HELD_BYTES_MAX);
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    },
    (request, response) => void serve(new Exchange(request, response, budget), options, gate),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(options.port, options.host);
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    drain: () => drain(server, gate),
    close: () => server.closeAllConnections(),
  };
}

async function serve(exchange: Exchange, options: HttpServerOptions, gate: SessionGate): Promise<void> {
  const startedAt = performance.now();
  const { response } = exchange;
  setSecurityHeaders(exchange, options.secure);
  const entered = gate.enter();
  if (!entered) response.setHeader("connection", "close");
  try {
    if (!entered) throw new PlatformError("unavailable", "The console is stopping.", { reason: "draining" });
    await options.handle(exchange);
  } catch (error) {
    answerFailure(exchange, error, options.log);
  } finally {
    exchange.end();
    if (entered) gate.leave();
    options.log.info(
      {
        requestId: exchange.requestId,
        method: exchange.method,
        path: exchange.path,
        status: response.statusCode,
        durationMs: Math.round(performance.now() - startedAt),
      },
      "request",
    );
  }
}

function answerFailure(exchange: Exchange, thrown: unknown, log: HttpServerOptions["log"]): void {
  const { request, response, requestId } = exchange;
  // Whatever broke because the caller has gone is no failure of ours.
  if (exchange.signal.aborted) return void response.destroy();
  const problem = problemOf(thrown, requestId);
  if (PlatformError.from(thrown).code === "internal") log.error({ err: thrown, requestId }, "a request failed");
  // The rest of a body that nobody will read; without this the connection would be reset before the answer is read.
  if (!request.complete) response.setHeader("connection", "close");
  if (response.headersSent) return void response.destroy();
  response.writeHead(problem.status, problem.headers).end(problem.body);
  request.resume();
}

function setSecurityHeaders({ response, requestId }: Exchange, secure: boolean): void {
  response.setHeader("x-request-id", requestId);
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-security-policy", CONTENT_SECURITY_POLICY);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  if (secure) response.setHeader("strict-transport-security", "max-age=31536000");
}

async function drain(server: Server, gate: SessionGate): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  await gate.drained(DRAIN_TIMEOUT_MS);
  server.closeAllConnections();
  await closed;
}

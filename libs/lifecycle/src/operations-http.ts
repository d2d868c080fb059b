import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Lifecycle, Resource } from "./lifecycle.ts";

export interface OperationsOptions {
  host: string;
  port: number;
  lifecycle: Lifecycle;
  /** Facts shown by /readyz; `ready: false` keeps the process out of rotation although it runs. */
  readiness?: () => { ready: boolean } & Record<string, unknown>;
  /** The metrics in Prometheus' text form. */
  metrics?: () => Promise<string>;
}

/** Serves /livez, /readyz and /metrics on a port of their own, so that load on the service never looks like death. */
export async function serveOperations(options: OperationsOptions): Promise<Resource & { port: number }> {
  const server = createServer(async (request, response) => {
    const answer = await answerOf(options, request.url ?? "");
    response.writeHead(answer.status, { "content-type": answer.type, connection: "close" }).end(answer.body);
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return { port: (server.address() as { port: number }).port, close: () => closeServer(server) };
}

async function answerOf(options: OperationsOptions, path: string) {
  if (path === "/livez") return json(200, { state: options.lifecycle.state });
  if (path === "/readyz") {
    const facts = options.readiness?.() ?? { ready: true };
    const ready = options.lifecycle.state === "ready" && facts.ready;
    return json(ready ? 200 : 503, { state: options.lifecycle.state, ...facts, ready });
  }
  if (path === "/metrics" && options.metrics) {
    return { status: 200, type: "text/plain; version=0.0.4", body: await options.metrics() };
  }
  return json(404, { error: "There are /livez, /readyz and /metrics here." });
}

function json(status: number, body: object) {
  return { status, type: "application/json", body: `${JSON.stringify(body)}\n` };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

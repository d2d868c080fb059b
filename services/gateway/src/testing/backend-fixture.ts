import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer, type Socket } from "node:net";
import { parseAllowedRange } from "@millrace/outbound";
import type { Route } from "@millrace/proto/release/v1/release";

// Servers that stand for a provider's.

type Owner = { after(release: () => void): unknown };

/** Where these servers are. */
export const LOOPBACK_ALLOWED = [parseAllowedRange("127.0.0.1")!];

export async function startBackend(owner: Owner, listener: RequestListener) {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, listener);
  let connections = 0;
  server.on("connection", () => connections++);
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
  };
}

/** A server of bytes: `onData` is called with each piece, and with how many requests began on the connection so far. */
export async function startRawBackend(
  owner: Owner,
  onData: (socket: Socket, text: string, connection: number) => void,
) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on("error", () => undefined).on("data", (piece) => onData(socket, piece.toString("latin1"), connection));
  });
  owner.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
  };
}

/** A route to an http backend that takes everything below `/`. */
export function httpRoute(
  url: string,
  fields: Partial<Route> & { timeoutMs?: number; retries?: number; forwardHost?: boolean; signingKey?: string } = {},
) {
  const { timeoutMs = 5_000, retries = 1, forwardHost = false, signingKey = "", ...route } = fields;
  return {
    apiName: "proxied",
    method: "GET",
    path: "/",
    prefixMatch: true,
    ...route,
    backend: { $case: "http" as const, value: { url, timeoutMs, retries, forwardHost, signingKey } },
  };
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

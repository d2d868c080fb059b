/** Callers of released APIs. The target goes out byte for byte, and the Host header is whatever the test says. */
import { type Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";

export type Call = {
  readonly method?: string;
  /** Origin, path and query. The origin says where to connect; the rest is sent as it stands. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly agent?: Agent;
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  readonly tookMs: number;
};

const TIMEOUT_MS = 15_000;

export function send(call: Call): Promise<Answer> {
  const { hostname, port, target } = splitUrl(call.url);
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
  const request = httpRequest(
    {
      hostname,
      port,
      path: target,
      method: call.method ?? "GET",
      headers: { ...call.headers } as Record<string, string | string[]>,
      agent: call.agent ?? false,
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        const tookMs = performance.now() - startedAt;
        resolve({ status: response.statusCode!, headers: response.headers, body, text: body.toString(), tookMs });
      });
    },
  );
  const timer = setTimeout(() => request.destroy(new Error(`no answer of ${call.url} in ${timeoutMs} ms`)), timeoutMs);
  request.on("error", reject);
  request.end(call.body);
  return promise.finally(() => clearTimeout(timer));
}

/** `http://host:port/path?query` without the normalising that URL does. */
export function splitUrl(url: string): { hostname: string; port: number; origin: string; target: string } {
  const [, origin, hostname, port, target] = /^(http:\/\/([^/:]+):(\d+))(.*)$/s.exec(url) ?? [];
  if (origin === undefined) throw new Error(`not an http URL with a port: ${url}`);
  return { hostname: hostname!, port: Number(port), origin, target: target || "/" };
}

/** Sends exact bytes on a connection of their own and answers everything that came until the server closed it. */
export function exchange(url: string, bytes: string | Uint8Array, timeoutMs = TIMEOUT_MS): Promise<string> {
  const { hostname, port } = splitUrl(url);
  return new Promise((settle, reject) => {
    const socket = connect({ host: hostname, port });
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => socket.destroy(new Error(`connection still open after ${timeoutMs} ms`)), timeoutMs);
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      settle(Buffer.concat(chunks).toString("latin1"));
    });
  });
}

/** What every refusal carries. */
export type Problem = {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
  readonly component: string;
  readonly reason: string;
  readonly error: { readonly code: number; readonly status: string; readonly message: string };
};

export const problemOf = (answer: Answer): Problem => JSON.parse(answer.text) as Problem;

// What a function calls joins the trace of the invocation, as a span until the answer begins, unless the function says itself which trace the
// call belongs to.
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { currentCall } from "./output.ts";
import type { InvocationTrace } from "./trace.ts";

type CallSpan = NonNullable<ReturnType<InvocationTrace["beginCall"]>>;

/** As undici's versions have it: headers are flat, or text. */
interface UndiciRequest {
  method: string;
  origin: string;
  headers: string | readonly unknown[];
  addHeader(name: string, value: string): void;
}

interface Told {
  request: object;
  response: { statusCode: number };
  error: unknown;
}

const open = new WeakMap<object, CallSpan>();

/** Covers `fetch` and what is built on it, and `node:http` and what is built on that. */
export function carryTrace(): void {
  subscribe("undici:request:create", (message) => {
    const { request } = message as { request: UndiciRequest };
    if (hasTrace(request.headers)) return;
    begin(request, request.method, new URL(request.origin).host, (name, value) => request.addHeader(name, value));
  });
  subscribe("http.client.request.created", (message) => {
    const { request } = message as { request: ClientRequest };
    if (request.headersSent || request.hasHeader("traceparent")) return;
    const host = String(request.getHeader("host") ?? request.host);
    begin(request, request.method, host, (name, value) => request.setHeader(name, value));
  });
  for (const answered of ["undici:request:headers", "http.client.response.finish"]) {
    subscribe(answered, (message) => {
      const { request, response } = message as Told;
      open.get(request)?.setAttribute("http.response.status_code", response.statusCode).end();
    });
  }
  for (const failed of ["undici:request:error", "http.client.request.error"]) {
    subscribe(failed, (message) => {
      const { request, error } = message as Told;
      open.get(request)?.fail(error);
    });
  }
}

/** Where it goes is told by its host only: paths may hold secrets. */
function begin(request: object, method: string, host: string, add: (name: string, value: string) => void): void {
  const trace = currentCall.getStore()?.trace;
  const attributes = { "http.request.method": method, "server.address": host };
  const span = trace?.beginCall(`${method} ${host}`, attributes);
  if (!trace || !span) return;
  open.set(request, span);
  add("traceparent", span.traceparent);
  if (trace.tracestate !== "") add("tracestate", trace.tracestate);
}

function hasTrace(headers: UndiciRequest["headers"]): boolean {
  if (typeof headers === "string") return /^traceparent:/im.test(headers);
  return headers.some((text, at) => at % 2 === 0 && String(text).toLowerCase() === "traceparent");
}

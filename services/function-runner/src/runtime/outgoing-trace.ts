// What a function calls joins the trace of the invocation, unless the function says itself which trace it belongs to.
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { currentCall } from "./output.ts";

/** As undici's versions have it: flat, or as text. */
interface UndiciRequest {
  headers: string | readonly unknown[];
  addHeader(name: string, value: string): void;
}

/** Covers `fetch` and what is built on it, and `node:http` and what is built on that. */
export function carryTrace(): void {
  subscribe("undici:request:create", (message) => {
    const { request } = message as { request: UndiciRequest };
    if (!hasTrace(request.headers)) carry((name, value) => request.addHeader(name, value));
  });
  subscribe("http.client.request.created", (message) => {
    const { request } = message as { request: ClientRequest };
    if (!request.headersSent && !request.hasHeader("traceparent"))
      carry((name, value) => request.setHeader(name, value));
  });
}

function carry(add: (name: string, value: string) => void): void {
  const trace = currentCall.getStore()?.trace;
  if (!trace || trace.traceparent === "") return;
  add("traceparent", trace.traceparent);
  if (trace.tracestate !== "") add("tracestate", trace.tracestate);
}

function hasTrace(headers: UndiciRequest["headers"]): boolean {
  if (typeof headers === "string") return /^traceparent:/im.test(headers);
  return headers.some((text, at) => at % 2 === 0 && String(text).toLowerCase() === "traceparent");
}

// A function that calls the platform's own APIs says how deep it was called itself, so that gateways can end a loop. Gateways are known by the
// host under which this invocation came, and by its domain; nobody else is told anything.
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { currentCall } from "./output.ts";
import { hostOf } from "./request-parts.ts";

const DEPTH_HEADER = "x-millrace-depth";
const ADDRESS = /^(?:[\d.]+|\[.*\])$/;

/** Covers `fetch` and what is built on it, and `node:http` and what is built on that. */
export function tellDepth(): void {
  subscribe("undici:request:create", (message) => {
    const { request } = message as { request: { origin: string; addHeader(name: string, value: string): void } };
    const depth = depthFor(new URL(request.origin).host);
    if (depth !== undefined) request.addHeader(DEPTH_HEADER, depth);
  });
  subscribe("http.client.request.created", (message) => {
    const { request } = message as { request: ClientRequest };
    const depth = depthFor(String(request.getHeader("host") ?? ""));
    if (depth !== undefined && !request.headersSent) request.setHeader(DEPTH_HEADER, depth);
  });
}

/** Undefined when the host is not the platform's, or when no invocation asks. */
function depthFor(host: string): string | undefined {
  const invoke = currentCall.getStore()?.invoke;
  if (!invoke || !areOfOnePlatform(host.toLowerCase(), hostOf(invoke).toLowerCase())) return undefined;
  return String(invoke.depth + 1);
}

export function areOfOnePlatform(one: string, other: string): boolean {
  if (one === other) return true;
  const domain = domainOf(one);
  return domain !== "" && domain === domainOf(other);
}

/** What follows the first label; empty for an address, and for a name too short to be a deployment's. */
function domainOf(host: string): string {
  const name = host.replace(/:\d+$/, "");
  const labels = name.split(".");
  return labels.length < 3 || ADDRESS.test(name) ? "" : labels.slice(1).join(".");
}

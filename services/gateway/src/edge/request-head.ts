import type { IncomingMessage } from "node:http";
import { isPassedOn } from "@millrace/names";
import { type Refusal, refuse } from "../answering/reasons.ts";
import { EDGE_LIMITS } from "../limits.ts";
import { withoutConsoleSession, withoutNamed } from "./forwarding.ts";

/** A request's head after every rule that Node's parser leaves to its user. */
export interface RequestHead {
  method: string;
  /** As received, beginning with a slash: what a signature covers. */
  target: string;
  /** As received, without the query. */
  path: string;
  /** With its question mark; empty when there is none. */
  query: string;
  /** Empty for HTTP/1.0 without one. */
  host: string;
  /** Of the body; null when only its end will tell. */
  contentLength: number | null;
  connection: string;
  subscriptionKey: string;
  traceparent: string;
  /** What belongs to it; all of its lines. */
  tracestate: string;
  /** How many functions called each other before this request. */
  depth: number;
  /** What goes on to a function: flat, names in lower case. */
  headers: readonly string[];
}

type Noted = {
  -readonly [K in
    | "host"
    | "connection"
    | "subscriptionKey"
    | "traceparent"
    | "tracestate"
    | "depth"
    | "contentLength"
    | "transferEncoding"]: string;
};

/** Headers whose value the gateway reads itself. */
const NOTED: ReadonlyMap<string, keyof Noted> = new Map([
  ["host", "host"],
  ["connection", "connection"],
  ["jdcloud-apim-subscription-key", "subscriptionKey"],
  ["x-api-key", "subscriptionKey"],
  ["traceparent", "traceparent"],
  ["tracestate", "tracestate"],
  ["x-millrace-depth", "depth"],
  ["content-length", "contentLength"],
  ["transfer-encoding", "transferEncoding"],
]);

/** What must not come twice: two readers could each believe another one. */
const SINGLETONS: ReadonlySet<string> = new Set([
  "authorization",
  "content-length",
  "content-type",
  "date",
  "host",
  "jdcloud-apim-subscription-key",
  "transfer-encoding",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
  "x-api-key",
  "x-jdcloud-content-sha256",
  "x-jdcloud-date",
  "x-jdcloud-nonce",
  "x-jdcloud-security-token",
  "x-jdcloud-session-token",
  "x-millrace-depth",
  "x-millrace-nonce",
]);

const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const DEPTH = /^\d{1,3}$/;

/** Reads the head, or says why the request is refused. Each refusal closes the connection: whoever sends such things is not understood. */
export function readRequestHead(request: IncomingMessage): RequestHead | Refusal {
  const { rawHeaders } = request;
  if (request.url!.length > EDGE_LIMITS.targetBytesMax) {
    return closing("uri_too_long", `the request target is over ${EDGE_LIMITS.targetBytesMax} bytes`);
  }
  if (rawHeaders.length > EDGE_LIMITS.headerPairsMax * 2) {
    return closing("headers_too_large", `there are more than ${EDGE_LIMITS.headerPairsMax} headers`);
  }
  const noted = emptyNotes();
  const headers: string[] = [];
  const fault =
    readHeaders(rawHeaders, noted, headers) ?? framingFault(request, noted) ?? hostFault(request, noted.host);
  if (fault) return malformed(fault);
  const target = originForm(request.url!, noted.host);
  if (target === null) return malformed("the request target is neither a path nor a URL of the Host");
  return headOf(request, target, noted, withoutNamed(headers, noted.connection));
}

function headOf(request: IncomingMessage, target: string, noted: Noted, headers: readonly string[]): RequestHead {
  const mark = target.indexOf("?");
  const chunked = noted.transferEncoding !== "";
  return {
    method: request.method!,
    target,
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? "" : target.slice(mark),
    host: noted.host,
    contentLength: chunked ? null : Number(noted.contentLength || 0),
    connection: noted.connection,
    subscriptionKey: noted.subscriptionKey,
    traceparent: noted.traceparent,
    tracestate: noted.tracestate,
    depth: DEPTH.test(noted.depth) ? Number(noted.depth) : 0,
    headers,
  };
}

function readHeaders(rawHeaders: readonly string[], noted: Noted, headers: string[]): string | null {
  let seen: Set<string> | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    const value = rawHeaders[at + 1]!;
    if (name.includes("_")) return `the header name ${name} holds an underscore`;
    if (SINGLETONS.has(name)) {
      seen ??= new Set();
      if (seen.has(name)) return `the header ${name} is there more than once`;
      seen.add(name);
    }
    const field = NOTED.get(name);
    if (field !== undefined) {
      // `x-api-key` wins over the older name; `Connection` and `tracestate` may come in several lines.
      if (field === "connection" || field === "tracestate") noted[field] += noted[field] === "" ? value : `,${value}`;
      else if (name !== "jdcloud-apim-subscription-key" || noted.subscriptionKey === "") noted[field] = value;
    }
    if (isPassedOn(name)) headers.push(name, name === "cookie" ? withoutConsoleSession(value) : value);
  }
  return null;
}

function framingFault(request: IncomingMessage, { transferEncoding }: Noted): string | null {
  if (transferEncoding === "") return null;
  if (transferEncoding.toLowerCase() !== "chunked") return "the only transfer encoding here is chunked";
  return request.httpVersion === "1.0" ? "HTTP/1.0 has no transfer encodings" : null;
}

function hostFault(request: IncomingMessage, host: string): string | null {
  if (host === "" && request.httpVersion === "1.0") return null;
  return HOST.test(host) ? null : "there must be one Host header that is a host name with or without a port";
}

/** Visible ASCII without `#`: what no reader on the way may alter or cut. */
const WIRE_TARGET = /^[\x21\x22\x24-\x7e]+$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)(.*)$/i;

/** The target as path and query; an absolute URL is taken only when it names the Host. */
function originForm(target: string, host: string): string | null {
  if (!WIRE_TARGET.test(target)) return null;
  if (target.startsWith("/")) return target;
  const match = ABSOLUTE_FORM.exec(target);
  if (match === null || match[1]!.toLowerCase() !== host.toLowerCase()) return null;
  return match[2]!.startsWith("/") ? match[2]! : `/${match[2]!}`;
}

function emptyNotes(): Noted {
  return {
    host: "",
    connection: "",
    subscriptionKey: "",
    traceparent: "",
    tracestate: "",
    depth: "",
    contentLength: "",
    transferEncoding: "",
  };
}

function malformed(detail: string): Refusal {
  return closing("request_malformed", detail);
}

function closing(reason: Refusal["reason"], detail: string): Refusal {
  return { ...refuse(reason, detail), closes: true };
}

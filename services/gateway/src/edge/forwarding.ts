// Which headers go through the gateway. Inbound: everything but hop-by-hop headers, what claims to come from a gateway or a proxy, and, where
// the deployment is authorised, the credential itself. Outbound: everything but hop-by-hop headers and the length, which the gateway
// says itself. Trailers end here in both directions: `trailer` and `te` are hop-by-hop, and neither side is told of any.

import type { Identity } from "@millrace/frames";
import { isAnswerable, isCredential } from "@millrace/names";
import { EDGE_LIMITS } from "../limits.ts";

/** JD's names for who called. */
export function identityHeaders({ accountId }: Identity): string[] {
  if (accountId === "") return [];
  return ["x-jdcloud-pin", Buffer.from(accountId).toString("base64"), "x-jdcloud-userid", accountId];
}

/** The flat headers without the credential. */
export function withoutCredentials(headers: readonly string[]): string[] {
  return filterPairs(headers, (name) => !isCredential(name));
}

/** The flat headers without those that a `Connection` header names. */
export function withoutNamed(headers: readonly string[], connection: string): readonly string[] {
  const named = new Set(connection.split(",").map((token) => token.trim().toLowerCase()));
  return headers.some((text, at) => at % 2 === 0 && named.has(text))
    ? filterPairs(headers, (name) => !named.has(name))
    : headers;
}

/**
 * The console's session. Cookies know no ports: where console and gateway share a host name, browsers bring it along, and a function could
 * read it or set it.
 */
const CONSOLE_SESSION = /^\s*(?:__Host-)?millrace_session\s*(?:=|$)/i;

/** A `Cookie` header as functions see it. */
export function withoutConsoleSession(cookies: string): string {
  if (!cookies.includes("millrace_session")) return cookies;
  const pairs = cookies.split(";").filter((pair) => !CONSOLE_SESSION.test(pair));
  return pairs.join(";").trim();
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const VALUE_BYTES_MAX = 8 * 1024;
/** `name: value\r\n` */
const PAIR_BYTES_MORE = 4;

/** The flat headers of a response as they go to the caller, or null when one is not a header or they are too much for callers. */
export function forwardedResponseHeaders(headers: readonly string[]): string[] | null {
  const forwarded: string[] = [];
  let bytes = 0;
  let connection = "";
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    const value = headers[at + 1]!;
    if (!TOKEN.test(name) || !VALUE.test(value) || value.length > VALUE_BYTES_MAX) return null;
    bytes += name.length + value.length + PAIR_BYTES_MORE;
    if (bytes > EDGE_LIMITS.responseHeadersBytesMax) return null;
    if (name === "connection") connection += `,${value}`;
    if (name === "set-cookie" && CONSOLE_SESSION.test(value)) continue;
    if (isAnswerable(name)) forwarded.push(name, value);
  }
  return connection === "" ? forwarded : [...withoutNamed(forwarded, connection)];
}

const LENGTH = /^\d{1,15}$/;

/** The length that a response's flat headers say its body has; null when they say none. */
export function declaredLength(headers: readonly string[]): number | null {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === "content-length" && LENGTH.test(headers[at + 1]!))
      return Number(headers[at + 1]);
  }
  return null;
}

function filterPairs(headers: readonly string[], keep: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (keep(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

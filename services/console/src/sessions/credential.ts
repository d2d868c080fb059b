import { PlatformError } from "@millrace/errors";
import type { Exchange } from "../http/exchange.ts";
import { readSessionCookie } from "./session-cookie.ts";

// Where a request's credential comes from. A bearer token is added by a program on purpose; a cookie is added by the browser to whatever
// a page makes it send, so a request that relies on it must prove that it comes from this origin.

export interface Origins {
  /** Browsers use https. */
  secure: boolean;
  /** Undefined: what the request's Host says. */
  publicOrigin: string | undefined;
}

const CSRF_HEADER = "x-millrace-csrf";

/** The token that the request may act with. Throws `permission_denied` csrf_refused. */
export function credentialOf(exchange: Exchange, origins: Origins): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(exchange.header("authorization") ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const token = readSessionCookie(exchange.header("cookie"), origins.secure);
  if (token === undefined) return undefined;
  requireSameOrigin(exchange, origins);
  if (exchange.header(CSRF_HEADER) !== "1")
    throw refused(`With a session, requests need the header ${CSRF_HEADER}: 1.`);
  return token;
}

/** Refuses what a browser says another site has sent. Programs that are no browsers say nothing. */
export function requireSameOrigin(exchange: Exchange, { secure, publicOrigin }: Origins): void {
  const site = exchange.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none")
    throw refused("Requests of other sites are refused.");
  const origin = exchange.header("origin");
  const own = publicOrigin ?? `${secure ? "https" : "http"}://${exchange.header("host")}`;
  if (origin !== undefined && origin !== own) throw refused("Requests of other origins are refused.");
}

function refused(message: string): PlatformError {
  return new PlatformError("permission_denied", message, { reason: "csrf_refused" });
}

/** The client's side: the headers that make a request a signed one. */
import { randomUUID } from "node:crypto";
import { formatAuthorization } from "./authorization.ts";
import { sha256Hex } from "./body-hash.ts";
import { canonicalRequestForms } from "./canonical.ts";
import { formatTimestamp } from "./date.ts";
import type { HeaderPair } from "./headers.ts";
import type { Profile } from "./profile.ts";
import { deriveKey, signature, stringToSign } from "./signature.ts";

export interface RequestToSign {
  readonly method: string;
  /** Absolute. The path and the query are signed as `fetch` sends them. */
  readonly url: string;
  /** All are signed but those that clients and proxies rewrite. A Host here stands for the URL's own. */
  readonly headers?: readonly HeaderPair[];
  readonly body?: string | Uint8Array;
  readonly keyId: string;
  readonly secret: string;
  readonly region: string;
  /** The first label of the deployment's host. */
  readonly service: string;
  readonly now?: Date;
  readonly nonce?: string;
}

/**
 * Returns the headers to add to the request: date, nonce, body hash and authorization. Throws a TypeError for a header
 * that HTTP cannot carry.
 */
export function sign(profile: Profile, request: RequestToSign): Record<string, string> {
  const url = new URL(request.url);
  const timestamp = formatTimestamp((request.now ?? new Date()).getTime());
  const bodySha256Hex = sha256Hex(request.body ?? "");
  const added = {
    [profile.headers.date]: timestamp,
    [profile.headers.nonce]: request.nonce ?? randomUUID(),
    [profile.headers.contentSha256]: bodySha256Hex,
  };
  const headers = headersToSign(url, request.headers ?? [], added);
  const signedHeaders = [...new Set(headers.map(([name]) => name))].sort();
  const signable = {
    method: request.method.toUpperCase(),
    target: url.pathname + url.search,
    headers,
    signedHeaders,
    bodySha256Hex,
  };
  const [form] = canonicalRequestForms(profile, signable);
  if (form === undefined) throw new TypeError(`a request for ${request.url} cannot be signed`);
  const scope = { date: timestamp.slice(0, 8), region: request.region, service: request.service };
  const text = stringToSign(profile, timestamp, scope, form);
  const signed = signature(deriveKey(profile, request.secret, scope), text);
  const { keyId } = request;
  const authorization = formatAuthorization({ profile, keyId, ...scope, signedHeaders, signature: signed });
  return { ...added, authorization };
}

/** Lower-case names; what is added takes the place of what was given. */
function headersToSign(url: URL, given: readonly HeaderPair[], added: Record<string, string>): HeaderPair[] {
  const kept = given
    .map(([name, value]): HeaderPair => [name.toLowerCase(), value])
    .filter(([name]) => !REWRITTEN_ON_THE_WAY.has(name) && !Object.hasOwn(added, name));
  const unfit = kept.find(([, value]) => NOT_A_HEADER_VALUE.test(value));
  if (unfit !== undefined) throw new TypeError(`header ${unfit[0]} holds a character that HTTP cannot carry`);
  if (!kept.some(([name]) => name === "host")) kept.push(["host", url.host]);
  return kept.concat(Object.entries(added));
}

/** Anything but a tab and one-byte characters outside the control range. */
const NOT_A_HEADER_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

const REWRITTEN_ON_THE_WAY: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-authorization",
  "te",
  "traceparent",
  "tracestate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

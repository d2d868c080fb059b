import { isUtf8 } from "node:buffer";
import type { Invoke, RouteConstants } from "@millrace/frames";

// What the shapes of events have in common.

export interface Query {
  path: string;
  raw: string;
  /** Decoded, in order; `true` for a name without `=`. */
  pairs: [name: string, value: string | true][];
}

export function readTarget(target: string): Query {
  const mark = target.indexOf("?");
  if (mark === -1) return { path: target, raw: "", pairs: [] };
  const raw = target.slice(mark + 1);
  const pairs = raw
    .split("&")
    .filter((part) => part !== "")
    .map((part): [string, string | true] => {
      const equals = part.indexOf("=");
      return equals === -1 ? [decode(part), true] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });
  return { path: target.slice(0, mark), raw, pairs };
}

/** What cannot be decoded stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

export function flatToObject(flat: readonly string[]): Record<string, string> {
  const object: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) object[flat[i]!] = flat[i + 1]!;
  return object;
}

export function groupValues<V>(pairs: Iterable<readonly [string, V]>): Record<string, V[]> {
  const groups: Record<string, V[]> = {};
  for (const [name, value] of pairs) {
    if (Object.hasOwn(groups, name)) groups[name]!.push(value);
    else groups[name] = [value];
  }
  return groups;
}

export function mapValues<V, W>(object: Record<string, V>, to: (value: V, name: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, to(value, name)]));
}

export interface HeaderMaps {
  /** Several values joined, as HTTP lets them be. */
  joined: Record<string, string>;
  all: Record<string, string[]>;
}

export function headerMaps(flat: readonly string[]): HeaderMaps {
  const joined: Record<string, string> = {};
  const all: Record<string, string[]> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    const value = flat[i + 1]!;
    if (Object.hasOwn(all, name)) {
      all[name]!.push(value);
      joined[name] += `${name === "cookie" ? "; " : ", "}${value}`;
    } else {
      all[name] = [value];
      joined[name] = value;
    }
  }
  return { joined, all };
}

export interface BodyText {
  text: string;
  isBase64Encoded: boolean;
}

const TEXT_TYPE =
  /^(?:text\/|application\/(?:json|xml|javascript|x-www-form-urlencoded|graphql|[\w.-]+\+(?:json|xml)))/i;

/** Text is given as text; what is declared as something else, or is no UTF-8, as base64. */
export function bodyText(body: Uint8Array, contentType: string | undefined): BodyText {
  if (body.length === 0) return { text: "", isBase64Encoded: false };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const isText = (!contentType || TEXT_TYPE.test(contentType)) && isUtf8(bytes);
  return { text: bytes.toString(isText ? "utf8" : "base64"), isBase64Encoded: !isText };
}

const ROUTES_MAX = 512;
const routes = new Map<string, RouteConstants>();

/** The route's constants are the same bytes for each of its requests, so they are parsed once. */
export function readRoute(json: string): RouteConstants {
  const known = routes.get(json);
  if (known) return known;
  if (routes.size >= ROUTES_MAX) routes.clear();
  const route = JSON.parse(json) as RouteConstants;
  routes.set(json, route);
  return route;
}

/** The Host that the caller asked for; an HTTP/1.0 caller may have named none. */
export function hostOf(invoke: Invoke): string {
  return headerOf(invoke, "host") || `${readRoute(invoke.route).hostLabel}.localhost`;
}

/** The first of that name; empty for none. */
export function headerOf({ headers }: Invoke, name: string): string {
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return headers[at + 1]!;
  return "";
}

/** Headers in wire order, and the block that they make in a canonical request. */
import { type Failure, fail } from "./failure.ts";
import type { Profile } from "./profile.ts";
import type { Coverage } from "./query.ts";

export type HeaderPair = readonly [name: string, value: string];

const NONE: readonly string[] = [];

/** The same headers by lower-case name. Made once per request; every function here takes it or the pairs. */
export class HeaderIndex {
  readonly #values = new Map<string, string[]>();

  static of(headers: readonly HeaderPair[] | HeaderIndex): HeaderIndex {
    if (headers instanceof HeaderIndex) return headers;
    const index = new HeaderIndex();
    for (const [name, value] of headers) index.#add(name.toLowerCase(), value);
    return index;
  }

  values(name: string): readonly string[] {
    return this.#values.get(name) ?? NONE;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The trimmed value of a header that may be there once at most. */
  single(name: string): string | undefined | Failure {
    const values = this.values(name);
    if (values.length > 1) return fail("header_repeated", `header ${name} is there more than once`);
    return values[0] === undefined ? undefined : trimmed(values[0]);
  }

  #add(name: string, value: string): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
}

/**
 * What a signature must name: the date; the host and the nonce where the profile says so; a nonce or a token that is
 * sent, since one that is not signed protects nothing. Content-Type is not demanded: curl leaves the one it makes itself
 * unsigned, and JDCLOUD3 leaves it unsigned always.
 */
export function requiredSignedHeaders(profile: Profile, headers: readonly HeaderPair[] | HeaderIndex): string[] {
  const index = HeaderIndex.of(headers);
  const { date, nonce, securityTokens } = profile.headers;
  const required = profile.hostMustBeSigned ? ["host"] : [];
  const fallback = profile.fallbackDateHeader;
  required.push(fallback !== undefined && !index.has(date) && index.has(fallback) ? fallback : date);
  if (profile.nonceRequired || index.has(nonce)) required.push(nonce);
  return required.concat(securityTokens.filter((name) => index.has(name)));
}

/**
 * One `name:value` line per signed header, in the order in which the signature names them: most signers sort by name,
 * curl 7.88 sorts whole lines. Undefined when a header is not there or holds what HTTP cannot carry.
 */
export function headerBlock(index: HeaderIndex, signedHeaders: readonly string[], blanks: "kept" | "merged") {
  let block = "";
  for (const name of signedHeaders) {
    const values = index.values(name);
    if (values.length === 0) return undefined;
    let line = trimmed(values[0] as string);
    for (let at = 1; at < values.length; at++) line += `,${trimmed(values[at] as string)}`;
    if (BREAKS_LINES.test(line)) return undefined;
    block += `${name}:${blanks === "merged" ? line.replace(BLANKS, " ") : line}\n`;
  }
  return block;
}

/** The blocks to try, in order. */
export function headerForms(index: HeaderIndex, signedHeaders: readonly string[], coverage: Coverage): string[] {
  const exact = headerBlock(index, signedHeaders, "kept");
  if (exact === undefined) return [];
  if (coverage === "exact") return [exact];
  const merged = headerBlock(index, signedHeaders, "merged");
  return merged === undefined || merged === exact ? [exact] : [exact, merged];
}

const BREAKS_LINES = /[\r\n]/;
const BLANKS = /[ \t]+/g;

/** Without the optional white space of RFC 9110: blanks and tabs at both ends. */
function trimmed(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
  return from === 0 && to === value.length ? value : value.slice(from, to);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** The Authorization header of the SigV4 family, read and written. */
import { type Failure, fail, isFailure } from "./failure.ts";
import { PROFILES, type Profile, profileOf } from "./profile.ts";

export interface Scope {
  /** yyyymmdd, UTC. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface Credential extends Scope {
  readonly profile: Profile;
  readonly keyId: string;
  /** Lower-case names in the order in which they were signed. */
  readonly signedHeaders: readonly string[];
  /** 64 lower-case hexadecimal digits. */
  readonly signature: string;
}

const HEADER_LENGTH_MAX = 8192;
const SIGNED_HEADERS_MAX = 100;
const PART_LENGTH_MAX = 128;

export const scopeOf = (profile: Profile, { date, region, service }: Scope): string =>
  `${date}/${region}/${service}/${profile.terminator}`;

export function formatAuthorization(credential: Credential): string {
  const { profile, keyId, signedHeaders, signature } = credential;
  const scope = scopeOf(profile, credential);
  return `${profile.algorithm} Credential=${keyId}/${scope}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
}

/**
 * Reads `<algorithm> Credential=<key id>/<date>/<region>/<service>/<terminator>, SignedHeaders=<a;b>, Signature=<hex>`,
 * its three parts in any order. Takes time in proportion to the header's length.
 */
export function parseAuthorization(header: string | undefined): Credential | Failure {
  if (header === undefined || header === "") {
    return fail("authorization_missing", "there is no Authorization header");
  }
  if (header.length > HEADER_LENGTH_MAX) {
    return fail("authorization_malformed", `the Authorization header is longer than ${HEADER_LENGTH_MAX} bytes`);
  }
  const space = header.indexOf(" ");
  const profile = profileOf(space < 0 ? header : header.slice(0, space));
  if (profile === undefined) {
    return fail("algorithm_unknown", `the algorithm is none of ${Object.keys(PROFILES).join(", ")}`);
  }
  const parts = readParts(space < 0 ? "" : header.slice(space + 1));
  return isFailure(parts) ? parts : readCredential(profile, parts);
}

function readCredential(profile: Profile, parts: ReadonlyMap<string, string>): Credential | Failure {
  const credential = parts.get("Credential");
  if (!credential) return fail("credential_missing", "the Authorization header has no Credential");
  const key = readKey(profile, credential);
  if (isFailure(key)) return key;
  const list = parts.get("SignedHeaders");
  if (!list) return fail("signed_headers_missing", "the Authorization header has no SignedHeaders");
  const signedHeaders = readSignedHeaders(list);
  if (isFailure(signedHeaders)) return signedHeaders;
  const signature = parts.get("Signature");
  if (!signature) return fail("signature_missing", "the Authorization header has no Signature");
  if (!HEX_SHA256.test(signature)) {
    return fail("signature_malformed", "Signature is not 64 lower-case hexadecimal digits");
  }
  return { profile, ...key, signedHeaders: signedHeaders.names, signature };
}

/** Split at commas, not at blanks: a key id may hold a blank. */
function readParts(text: string): Map<string, string> | Failure {
  const parts = new Map<string, string>();
  for (const piece of text.split(",", 4)) {
    const part = piece.trim();
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0));
    if (equals < 0 && part === "") continue;
    if (!PART_NAMES.has(name) || parts.has(name)) {
      return fail("authorization_malformed", "the parts are not Credential, SignedHeaders and Signature, each once");
    }
    parts.set(name, part.slice(equals + 1));
  }
  return parts;
}

function readKey(profile: Profile, credential: string): (Scope & { keyId: string }) | Failure {
  const pieces = credential.split("/");
  const [date, region, service, terminator] = pieces.slice(-4);
  const keyId = pieces.slice(0, -4).join("/");
  if (!keyId || !date || !region || !service || !terminator) {
    return fail("credential_malformed", "Credential is not <key id>/<yyyymmdd>/<region>/<service>/<terminator>");
  }
  if (terminator !== profile.terminator) {
    return fail("scope_terminator_wrong", `the scope of ${profile.algorithm} ends in ${profile.terminator}`);
  }
  if (!DAY.test(date)) return fail("credential_malformed", "the date of the scope is not yyyymmdd");
  if (Math.max(keyId.length, region.length, service.length) > PART_LENGTH_MAX) {
    return fail("credential_malformed", `a part of Credential is longer than ${PART_LENGTH_MAX} bytes`);
  }
  return { keyId, date, region, service };
}

function readSignedHeaders(list: string): { names: string[] } | Failure {
  const names = list.split(";", SIGNED_HEADERS_MAX + 1);
  if (names.length > SIGNED_HEADERS_MAX) {
    return fail("signed_headers_malformed", `more than ${SIGNED_HEADERS_MAX} headers are signed`);
  }
  if (!names.every((name) => LOWER_CASE_TOKEN.test(name)) || new Set(names).size !== names.length) {
    return fail("signed_headers_malformed", "SignedHeaders is not a list of different lower-case names");
  }
  return { names };
}

const PART_NAMES: ReadonlySet<string> = new Set(["Credential", "SignedHeaders", "Signature"]);
const HEX_SHA256 = /^[0-9a-f]{64}$/;
const DAY = /^\d{8}$/;
const LOWER_CASE_TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

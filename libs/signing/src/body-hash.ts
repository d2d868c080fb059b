/**
 * What a request says of its body before the body is there, so that a gateway can verify the signature first and compare
 * the body while it streams. JD accepts any text in this header and so lets a body go unsigned; here it is the SHA-256
 * of the body, or the request is refused.
 */
import { hash } from "node:crypto";
import { type Failure, fail } from "./failure.ts";
import { HeaderIndex, type HeaderPair } from "./headers.ts";
import type { Profile } from "./profile.ts";

export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

export const sha256Hex = (bytes: string | Uint8Array): string => hash("sha256", bytes, "hex");

export const EMPTY_BODY_SHA256 = sha256Hex("");

export type DeclaredBody =
  /** Nothing is said: hash the body, then verify. */
  | { readonly kind: "undeclared" }
  /** Verify with `sha256Hex`, then compare the body with it. */
  | { readonly kind: "sha256"; readonly sha256Hex: string }
  /** Verify with UNSIGNED_PAYLOAD; the body is not covered. Only where it was allowed. */
  | { readonly kind: "unsigned" };

export interface BodyPolicy {
  readonly allowUnsignedPayload?: boolean;
}

export function declaredBodyHash(
  profile: Profile,
  headers: readonly HeaderPair[] | HeaderIndex,
  policy: BodyPolicy = {},
): DeclaredBody | Failure {
  const name = profile.headers.contentSha256;
  const value = HeaderIndex.of(headers).single(name);
  if (value === undefined) return { kind: "undeclared" };
  if (typeof value !== "string") return value;
  if (HEX_SHA256.test(value)) return { kind: "sha256", sha256Hex: value };
  if (value !== UNSIGNED_PAYLOAD) {
    return fail("body_hash_malformed", `header ${name} is not the body's SHA-256 in lower-case hexadecimal digits`);
  }
  return policy.allowUnsignedPayload === true
    ? { kind: "unsigned" }
    : fail("body_hash_unsigned", `header ${name} leaves the body unsigned, which this API does not allow`);
}

const HEX_SHA256 = /^[0-9a-f]{64}$/;

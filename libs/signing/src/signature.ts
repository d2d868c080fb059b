/** From a canonical request to a signature, and the check of one. The key derivation is SigV4's chain of HMACs. */
import { createHmac, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import { type Credential, type Scope, scopeOf } from "./authorization.ts";
import { canonicalRequestForms, type SignableRequest } from "./canonical.ts";
import type { Profile } from "./profile.ts";
import type { Coverage } from "./query.ts";

/** Strings from HTTP hold one byte per char, so they are hashed as latin1: the bytes that were on the wire. */
export function stringToSign(profile: Profile, timestamp: string, scope: Scope, canonicalRequest: string): string {
  const digest = hash("sha256", Buffer.from(canonicalRequest, "latin1"), "hex");
  return `${profile.algorithm}\n${timestamp}\n${scopeOf(profile, scope)}\n${digest}`;
}

/** Good for one day, one region and one service: what `auth` hands to gateways instead of the secret. */
export function deriveKey(profile: Profile, secret: string, { date, region, service }: Scope): Buffer {
  let key = hmac(`${profile.keyPrefix}${secret}`, date);
  for (const part of [region, service, profile.terminator]) key = hmac(key, part);
  return key;
}

export const signature = (derivedKey: Buffer | KeyObject, text: string): string =>
  createHmac("sha256", derivedKey).update(text, "latin1").digest("hex");

export interface Presented {
  readonly credential: Credential;
  readonly timestamp: string;
  readonly derivedKey: Buffer | KeyObject;
  readonly request: Omit<SignableRequest, "signedHeaders">;
  readonly coverage?: Coverage;
}

/**
 * True when the signature was made with the secret behind `derivedKey` for this request. Whoever calls it has checked
 * the date, the scope and the required headers (see read.ts). The comparison takes the same time whatever the signature.
 */
export function verify({ credential, timestamp, derivedKey, request, coverage = "exact" }: Presented): boolean {
  const { profile, signedHeaders } = credential;
  const presented = Buffer.from(credential.signature, "hex");
  if (presented.length !== 32) return false;
  for (const form of canonicalRequestForms(profile, { ...request, signedHeaders }, coverage)) {
    const text = stringToSign(profile, timestamp, credential, form);
    const expected = createHmac("sha256", derivedKey).update(text, "latin1").digest();
    if (timingSafeEqual(expected, presented)) return true;
  }
  return false;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text, "utf8").digest();

import type { KeyObject } from "node:crypto";
import type { Identity } from "@millrace/frames";
import {
  CLOCK_WINDOW_MS,
  checkClock,
  type Failure,
  type FailureCode,
  HeaderIndex,
  type HeaderPair,
  isFailure,
  type PresentedSignature,
  readSignature,
  sha256Hex,
  uncoveredParts,
  verify,
} from "@millrace/signing";
import { isRefusal, type Reason, type Refusal, refuse } from "../answering/reasons.ts";
import { type AccessRequest, credentialUnknown, notAuthorized } from "./access.ts";
import type { DerivedKeys } from "./derived-keys.ts";
import type { Grants } from "./grants.ts";
import type { NonceVerdict } from "./nonces-store.ts";

// Checks a signed request. The order is that of cost and trust: what the headers say, whose key it is, the key for this scope, the
// signature, the body, the authorisation, and last the nonce, which only a verified request may make the store remember.

export interface SignatureAccessOptions {
  grants: Grants;
  keys: DerivedKeys;
  nonces: { remember(keyId: string, nonce: string): Promise<NonceVerdict> };
  region: string;
  /** Of the wall clock. */
  nowMs: () => number;
  /** A safe request passed although its nonce could not be checked. */
  onUnchecked: () => void;
}

/** Replayed, these change nothing: they pass while the nonces' store is away. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export class SignatureAccess {
  readonly #options: SignatureAccessOptions;

  constructor(options: SignatureAccessOptions) {
    this.#options = options;
  }

  async check(request: AccessRequest): Promise<Identity | Refusal> {
    const headers = HeaderIndex.of(pairsOf(request.rawHeaders));
    const presented = readSignature(headers);
    if (isFailure(presented)) return refusalOf(presented);
    const { keyId } = presented.credential;
    const known = this.#options.grants.accessKey(keyId);
    if (known === undefined || known.disabled) return credentialUnknown("access key");
    const fault = this.#scopeFault(presented, request.hostLabel) ?? this.#clockFault(presented);
    if (fault) return fault;
    const key = await this.#derivedKey(presented);
    if (isRefusal(key)) return key;
    const mismatch = await verifyRequest(presented, key, request, headers);
    if (mismatch) return mismatch;
    if (!this.#options.grants.isAuthorized(request.hostLabel, keyId)) return notAuthorized(keyId, request.hostLabel);
    const replay = await this.#replayFault(presented, request.method);
    return replay ?? { keyId, accountId: known.project, authType: "signature" };
  }

  /** The scope's service is the deployment's host label, so that a signature for test never opens online. */
  #scopeFault({ credential }: PresentedSignature, hostLabel: string): Refusal | null {
    const { region } = this.#options;
    if (credential.service !== hostLabel) {
      const detail = `The signature's scope names another service: it is ${hostLabel} here.`;
      return refuse("signature_mismatch", detail);
    }
    if (credential.region === region) return null;
    return refuse("signature_mismatch", `The signature's scope names another region: it is ${region} here.`);
  }

  #clockFault({ signedAt }: PresentedSignature): Refusal | null {
    const clock = checkClock(signedAt, this.#options.nowMs());
    if (clock.ok) return null;
    const skewS = Math.round(Math.abs(clock.skewMs) / 1_000);
    const side = clock.skewMs < 0 ? "behind" : "ahead of";
    const detail = `The signature's date is ${skewS} s ${side} our clock; at most ${CLOCK_WINDOW_MS / 1_000} s are accepted.`;
    return refuse("signature_expired", detail);
  }

  async #derivedKey({ credential }: PresentedSignature): Promise<KeyObject | Refusal> {
    const { keyId, profile, date, region, service } = credential;
    const scope = { keyId, algorithm: profile.algorithm, date, region, service };
    try {
      const here = this.#options.keys.get(scope);
      const key = here === undefined ? await this.#options.keys.fetch(scope) : here;
      return key ?? credentialUnknown("access key");
    } catch {
      // Logged where keys are renewed, once per outage.
      return refuse("auth_unavailable", "The signing key of this access key is not here, and auth does not answer.");
    }
  }

  async #replayFault({ credential, nonce }: PresentedSignature, method: string): Promise<Refusal | null> {
    if (nonce === undefined) return null;
    const verdict = await this.#options.nonces.remember(credential.keyId, nonce);
    if (verdict === "fresh") return null;
    if (verdict === "reused")
      return refuse("nonce_reused", `The value of ${credential.profile.headers.nonce} was used before.`);
    if (!SAFE_METHODS.has(method)) {
      return refuse("replay_check_unavailable", "The store of nonces does not answer.");
    }
    this.#options.onUnchecked();
    return null;
  }
}

/** A declared body is compared after the signature is verified; an undeclared one must be read first. */
async function verifyRequest(
  { credential, timestamp, declaredBody }: PresentedSignature,
  derivedKey: KeyObject,
  asked: AccessRequest,
  headers: HeaderIndex,
): Promise<Refusal | null> {
  const declared = declaredBody.kind === "sha256" ? declaredBody.sha256Hex : null;
  const early = declared === null ? await asked.readBody() : null;
  if (early && isRefusal(early)) return early;
  const request = { method: asked.method, target: asked.target, headers, bodySha256Hex: declared ?? sha256Hex(early!) };
  // Every AWS signer must work, so its profile leaves free what SigV4 leaves free; JD's bind every byte.
  const coverage = credential.profile.algorithm === "AWS4-HMAC-SHA256" ? "sigv4" : "exact";
  if (!verify({ credential, timestamp, derivedKey, request, coverage })) {
    const uncovered = uncoveredParts(credential.profile, { ...request, signedHeaders: credential.signedHeaders });
    const hint = uncovered.length > 0 ? ` Note: ${uncovered.join("; ")}.` : "";
    return refuse("signature_mismatch", `The signature is not that of this request and key.${hint}`);
  }
  if (declared === null) return null;
  const body = await asked.readBody();
  if (isRefusal(body)) return body;
  if (sha256Hex(body) === declared) return null;
  return refuse(
    "body_hash_mismatch",
    `The body is not the one that ${credential.profile.headers.contentSha256} was made of.`,
  );
}

/**
 * What keeps a signature from being checked, as a reason of the table. A part that is not there answers `credential_missing`; a part
 * that is there and wrong, `signature_mismatch`. The detail names the header.
 */
const FAILURE_REASONS: Record<FailureCode, Reason> = {
  authorization_missing: "credential_missing",
  authorization_malformed: "signature_mismatch",
  algorithm_unknown: "credential_missing",
  credential_missing: "credential_missing",
  credential_malformed: "signature_mismatch",
  scope_terminator_wrong: "signature_mismatch",
  signed_headers_missing: "credential_missing",
  signed_headers_malformed: "signature_mismatch",
  signature_missing: "credential_missing",
  signature_malformed: "signature_mismatch",
  date_missing: "credential_missing",
  date_malformed: "signature_mismatch",
  date_outside_scope: "signature_mismatch",
  nonce_missing: "credential_missing",
  nonce_malformed: "signature_mismatch",
  header_repeated: "signature_mismatch",
  header_unsigned: "signature_mismatch",
  header_absent: "signature_mismatch",
  body_hash_malformed: "body_hash_mismatch",
  body_hash_unsigned: "body_hash_mismatch",
};

function refusalOf({ failure, detail }: Failure): Refusal {
  return refuse(FAILURE_REASONS[failure], `${detail[0]!.toUpperCase()}${detail.slice(1)}.`);
}

function pairsOf(rawHeaders: readonly string[]): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  return pairs;
}

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import { decodeJwt, jwtVerify, SignJWT } from "jose";
import type { ServiceName, ServicePrincipal } from "./access.ts";

// Services prove who they are by short-lived tokens that each signs with its own Ed25519 key and addresses to one callee. Only public
// keys are shared.

const TOKEN_LIFETIME_S = 60;
const RENEW_BEFORE_MS = 20_000;
const CLOCK_TOLERANCE_S = 10;

export class ServiceIdentity {
  readonly service: ServiceName;
  readonly #key: KeyObject;
  readonly #tokens = new Map<ServiceName, { token: string; renewAtMs: number }>();

  constructor(service: ServiceName, privateKeyPem: string) {
    this.service = service;
    this.#key = createPrivateKey(privateKeyPem);
  }

  /** A token for calls to `callee`, made anew when the last one is about to expire. */
  async tokenFor(callee: ServiceName, nowMs = Date.now()): Promise<string> {
    const known = this.#tokens.get(callee);
    if (known && nowMs < known.renewAtMs) return known.token;
    const issuedAtS = Math.floor(nowMs / 1_000);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: "EdDSA" })
      .setIssuer(this.service)
      .setAudience(callee)
      .setIssuedAt(issuedAtS)
      .setExpirationTime(issuedAtS + TOKEN_LIFETIME_S)
      .sign(this.#key);
    this.#tokens.set(callee, { token, renewAtMs: nowMs + TOKEN_LIFETIME_S * 1_000 - RENEW_BEFORE_MS });
    return token;
  }
}

/** The services' public keys. */
export class ServiceTrust {
  readonly #service: ServiceName;
  readonly #keys: ReadonlyMap<string, KeyObject>;

  /** `trust` is JSON of service name → SPKI PEM; `service` is the one that checks. */
  constructor(service: ServiceName, trust: string) {
    this.#service = service;
    this.#keys = new Map(
      Object.entries(JSON.parse(trust) as Record<string, string>).map(([name, pem]) => [name, createPublicKey(pem)]),
    );
  }

  /** Whether a bearer token is meant to be a service's; it says nothing about its truth. */
  static looksLikeServiceToken(token: string): boolean {
    return token.startsWith("eyJ");
  }

  /** Throws `unauthenticated` unless a known service has signed the token for this one. */
  async verify(token: string): Promise<ServicePrincipal> {
    try {
      const issuer = decodeJwt(token).iss ?? "";
      const key = this.#keys.get(issuer);
      if (!key) throw new Error(`no key of the service ${issuer} is known`);
      await jwtVerify(token, key, {
        audience: this.#service,
        issuer,
        algorithms: ["EdDSA"],
        clockTolerance: CLOCK_TOLERANCE_S,
      });
      return { kind: "service", service: issuer as ServiceName };
    } catch (cause) {
      throw new PlatformError("unauthenticated", "The service token is not valid.", { reason: "token_invalid", cause });
    }
  }
}

import { createHash } from "node:crypto";
import { PlatformError } from "@millrace/errors";
import { type Person, type Principal, ServiceTrust } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";

export interface PersonSource {
  /** Throws `unauthenticated` token_invalid, `unavailable` auth_unavailable. */
  authenticate(token: string): Promise<Person>;
}

interface Remembered {
  person: Person;
  untilMs: number;
}

/** Who a bearer token is. Persons are remembered for some seconds; a token that is not valid is asked for every time. */
export class Authenticator {
  readonly #deps: { trust: Pick<ServiceTrust, "verify">; people: PersonSource; clock: () => Date };
  /** By the token's hash, oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(deps: { trust: Pick<ServiceTrust, "verify">; people: PersonSource; clock: () => Date }) {
    this.#deps = deps;
  }

  async authenticate(token: string): Promise<Principal> {
    const { trust, people, clock } = this.#deps;
    if (ServiceTrust.looksLikeServiceToken(token)) return trust.verify(token);
    const key = createHash("sha256").update(token).digest("base64");
    const nowMs = clock().getTime();
    const known = this.#remembered.get(key);
    if (known && nowMs < known.untilMs) return known.person;
    const person = await people.authenticate(token);
    const expiresMs = person.expiresAt.getTime();
    if (expiresMs <= nowMs) throw tokenInvalid();
    this.#remember(key, { person, untilMs: Math.min(nowMs + LIMITS.principalLifetimeMs, expiresMs) });
    return person;
  }

  /** Forgets what is remembered of a person whose memberships have changed. */
  forget(name: string): void {
    for (const [key, { person }] of this.#remembered) if (person.name === name) this.#remembered.delete(key);
  }

  #remember(key: string, remembered: Remembered): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, remembered);
    if (this.#remembered.size > LIMITS.principalsMax) this.#remembered.delete(this.#remembered.keys().next().value!);
  }
}

function tokenInvalid(): PlatformError {
  return new PlatformError("unauthenticated", "The token is not valid.", { reason: "token_invalid" });
}

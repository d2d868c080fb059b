import { PlatformError } from "@millrace/errors";
import { formatName } from "@millrace/names";
import type { Person, Principal, RoleName } from "@millrace/rpc";
import { type Queryable, query } from "@millrace/sql";
import type { PersonRow } from "../people/person.ts";
import { type BearerKind, parseBearer, sameSecret } from "../tokens/bearer-token.ts";
import { touchToken } from "../tokens/token-store.ts";
import { type CredentialRow, findSessionCredential, findTokenCredential } from "./credential-store.ts";

export interface Credential {
  kind: BearerKind;
  id: string;
}

/** A person as auth itself knows its callers: with the credential that the call bears. */
export interface SignedIn extends Person {
  credential: Credential;
  row: PersonRow;
}

export interface AuthenticatorDeps {
  sql: Queryable;
  now: () => Date;
}

/** Turns bearer tokens of people into principals, from the database each time: what is revoked ends with the commit. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  /** Errors: `unauthenticated` token_invalid for what is unknown, expired, revoked or of a disabled person alike. */
  async authenticate(token: string): Promise<SignedIn> {
    const { sql, now } = this.#deps;
    const bearer = parseBearer(token);
    if (bearer === undefined || bearer.kind === "invitation") throw tokenInvalid();
    const find = bearer.kind === "session" ? findSessionCredential : findTokenCredential;
    const row = await query(() => find(sql, bearer.id));
    if (row === undefined || !sameSecret(bearer, row.secretHash)) throw tokenInvalid();
    if (row.disabled || row.expiresAt <= now()) throw tokenInvalid();
    if (bearer.kind === "token") await query(() => touchToken(sql, bearer.id, row.lastUsedAt, now()));
    return signedIn(row, { kind: bearer.kind, id: bearer.id });
  }
}

/** The caller as `Authenticator` made it. Throws unless a person calls. */
export function callerOf(principal: Principal): SignedIn {
  if (principal.kind === "person" && "credential" in principal) return principal as SignedIn;
  throw tokenInvalid();
}

function signedIn(row: CredentialRow, credential: Credential): SignedIn {
  return {
    kind: "person",
    name: formatName("person", { person: row.personId }),
    email: row.email,
    operator: row.operator,
    memberships: new Map(row.memberships.map((one) => one.split("/") as [string, RoleName])),
    expiresAt: row.expiresAt,
    credentialName: `${credential.kind}s/${credential.id}`,
    credential,
    row,
  };
}

export function tokenInvalid(): PlatformError {
  return new PlatformError("unauthenticated", "The token is not valid, or no longer.", { reason: "token_invalid" });
}

import { formatName } from "@millrace/names";
import { noteCall } from "@millrace/rpc";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { LIFETIMES } from "../limits.ts";
import type { PasswordHasher } from "../people/password-hasher.ts";
import { credentialInvalid, type PersonRow } from "../people/person.ts";
import { findPersonByEmail, lockPerson, setPassword } from "../people/person-store.ts";
import type { SignInThrottle } from "../people/sign-in-throttle.ts";
import { mintBearer } from "../tokens/bearer-token.ts";
import { deleteToken } from "../tokens/token-store.ts";
import type { SignedIn } from "./authenticator.ts";
import { deleteSession, deleteSessionsOf, insertSession } from "./session-store.ts";

export interface SessionServiceDeps {
  sql: Sql;
  now: () => Date;
  passwords: PasswordHasher;
  throttle: SignInThrottle;
}

/** A session that has just been opened; the token is shown once. */
export interface OpenedSession {
  token: string;
  expiresAt: Date;
  person: PersonRow;
}

export class SessionService {
  readonly #deps: SessionServiceDeps;

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
  }

  /** Errors: `unauthenticated` credential_invalid, `resource_exhausted` sign_in_throttled. */
  async signIn(email: string, password: string): Promise<OpenedSession> {
    const { sql, now } = this.#deps;
    const { personId, passwordHash } = await this.#checkPassword(email, password);
    return inTransaction(sql, async (tx) => {
      const person = await lockPerson(tx, personId);
      if (!person || person.disabled) throw credentialInvalid();
      // A password that was changed while this one was compared counts.
      const current = await findPersonByEmail(tx, email);
      if (current?.passwordHash !== passwordHash) throw credentialInvalid();
      return openSession(tx, person, now());
    });
  }

  /** Ends the credential that the call bears. */
  async signOut({ credential, row }: SignedIn): Promise<void> {
    const { sql } = this.#deps;
    await inTransaction(sql, async (tx) => {
      noteCall({ object: `${credential.kind}s/${credential.id}` });
      if (credential.kind === "session") await deleteSession(tx, credential.id);
      else await deleteToken(tx, row.personId, credential.id);
    });
  }

  /** Ends the person's other sessions. Errors as of `signIn`. */
  async changePassword(caller: SignedIn, currentPassword: string, newPassword: string): Promise<void> {
    const { sql, passwords } = this.#deps;
    const { personId, passwordHash: compared } = await this.#checkPassword(caller.email, currentPassword);
    const passwordHash = await passwords.hash(newPassword);
    await inTransaction(sql, async (tx) => {
      await lockPerson(tx, personId);
      const current = await findPersonByEmail(tx, caller.email);
      if (current?.passwordHash !== compared) throw credentialInvalid();
      await setPassword(tx, personId, passwordHash);
      const { kind, id } = caller.credential;
      await deleteSessionsOf(tx, personId, kind === "session" ? id : undefined);
    });
  }

  /** Does the same work, and fails alike, whether or not there is such a person. */
  async #checkPassword(email: string, password: string): Promise<{ personId: string; passwordHash: string }> {
    const { sql, passwords, throttle } = this.#deps;
    throttle.attempt(email);
    const person = await query(() => findPersonByEmail(sql, email));
    if (person) noteCall({ object: formatName("person", { person: person.personId }) });
    const right = await passwords.verify(person?.passwordHash, password);
    if (!right || !person?.passwordHash || person.disabled) throw credentialInvalid();
    throttle.forgive(email);
    return { personId: person.personId, passwordHash: person.passwordHash };
  }
}

export async function openSession(tx: Transaction, person: PersonRow, createdAt: Date): Promise<OpenedSession> {
  const { id: sessionId, secretHash, text: token } = mintBearer("session");
  const expiresAt = new Date(createdAt.getTime() + LIFETIMES.sessionMs);
  const name = formatName("person", { person: person.personId });
  noteCall({ actor: name, object: name, after: `sessions/${sessionId}` });
  await insertSession(tx, { sessionId, personId: person.personId, secretHash, createdAt, expiresAt });
  return { token, expiresAt, person };
}

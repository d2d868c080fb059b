import { PlatformError } from "@millrace/errors";
import { formatName, randomLabel } from "@millrace/names";
import { noteCall } from "@millrace/rpc";
import { inTransaction, query, type Sql, violatedConstraint } from "@millrace/sql";
import { LIFETIMES } from "../limits.ts";
import { type OpenedSession, openSession } from "../sessions/session-service.ts";
import { mintBearer, parseBearer, sameSecret } from "../tokens/bearer-token.ts";
import { findInvitation, type Invitation, putInvitation, takeInvitation } from "./invitation-store.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { ID_CHARS, type PersonRow, personExists } from "./person.ts";
import { insertPerson, lockPerson, setPassword, updatePerson, upsertInvited } from "./person-store.ts";
import type { SignInThrottle } from "./sign-in-throttle.ts";

export interface JoiningServiceDeps {
  sql: Sql;
  now: () => Date;
  passwords: PasswordHasher;
  throttle: SignInThrottle;
  selfRegistration: boolean;
}

/** How somebody becomes a person: invited, or where the operator allows it by registering. */
export class JoiningService {
  readonly #deps: JoiningServiceDeps;

  constructor(deps: JoiningServiceDeps) {
    this.#deps = deps;
  }

  /** Inviting again replaces an invitation that nobody has accepted. Errors: `already_exists` person_exists. */
  async invite(
    email: string,
    operator: boolean,
  ): Promise<{ invitationToken: string; expiresAt: Date; person: PersonRow }> {
    const { sql, now } = this.#deps;
    const { id: invitationId, secretHash, text: invitationToken } = mintBearer("invitation");
    const createdAt = now();
    const expiresAt = new Date(createdAt.getTime() + LIFETIMES.invitationMs);
    return inTransaction(sql, async (tx) => {
      const invited = { personId: randomLabel(ID_CHARS), email, displayName: "", operator, createdAt };
      const person = await upsertInvited(tx, invited);
      if (!person) throw personExists(email);
      noteCall({ object: formatName("person", { person: person.personId }) });
      await putInvitation(tx, { invitationId, personId: person.personId, secretHash, expiresAt });
      return { invitationToken, expiresAt, person };
    });
  }

  /** Errors: `unauthenticated` invitation_invalid for what is unknown, used, replaced and expired alike. */
  async accept(invitationToken: string, displayName: string, password: string): Promise<OpenedSession> {
    const { sql, now, passwords } = this.#deps;
    const { invitationId, personId } = await this.#findInvitation(invitationToken);
    const passwordHash = await passwords.hash(password);
    return inTransaction(sql, async (tx) => {
      const invited = await lockPerson(tx, personId);
      if (!invited || invited.disabled || !(await takeInvitation(tx, invitationId))) throw invitationInvalid();
      await setPassword(tx, personId, passwordHash);
      const person = await updatePerson(tx, { ...invited, displayName });
      return openSession(tx, person, now());
    });
  }

  /** Errors: `failed_precondition` registration_closed, `already_exists` person_exists, `resource_exhausted` sign_in_throttled. */
  async register(email: string, displayName: string, password: string): Promise<OpenedSession> {
    const { sql, now, passwords, throttle, selfRegistration } = this.#deps;
    if (!selfRegistration) throw registrationClosed();
    throttle.attempt(email);
    const passwordHash = await passwords.hash(password);
    const createdAt = now();
    const person = { personId: randomLabel(ID_CHARS), email, displayName, operator: false, passwordHash, createdAt };
    try {
      return await inTransaction(sql, async (tx) => openSession(tx, await insertPerson(tx, person), createdAt));
    } catch (error) {
      throw violatedConstraint(error) === "people_email" ? personExists(email) : error;
    }
  }

  async #findInvitation(token: string): Promise<Invitation> {
    const { sql, now } = this.#deps;
    const bearer = parseBearer(token);
    if (bearer?.kind !== "invitation") throw invitationInvalid();
    const invitation = await query(() => findInvitation(sql, bearer.id, now()));
    if (!invitation || !sameSecret(bearer, invitation.secretHash)) throw invitationInvalid();
    return invitation;
  }
}

function invitationInvalid(): PlatformError {
  return new PlatformError("unauthenticated", "The invitation is not valid, or no longer; ask for a new one.", {
    reason: "invitation_invalid",
  });
}

function registrationClosed(): PlatformError {
  return new PlatformError("failed_precondition", "Registration is closed; ask an operator for an invitation.", {
    reason: "registration_closed",
  });
}

import { PlatformError } from "@millrace/errors";
import { checkEtag, etagOf } from "@millrace/rpc";
import { inTransaction, query, type Sql } from "@millrace/sql";
import type { Page } from "../request-check.ts";
import { deleteSessionsOf } from "../sessions/session-store.ts";
import { deleteTokensOf } from "../tokens/token-store.ts";
import { type PersonRow, personNotFound } from "./person.ts";
import { listPeople, lockOperators, lockPerson, updatePerson } from "./person-store.ts";

export interface PersonChange {
  operator: boolean | undefined;
  disabled: boolean | undefined;
  displayName: string | undefined;
  etag: string;
}

/** What operators do with people. */
export class PeopleService {
  readonly #sql: Sql;

  constructor({ sql }: { sql: Sql }) {
    this.#sql = sql;
  }

  list(page: Page): Promise<PersonRow[]> {
    return query(() => listPeople(this.#sql, page));
  }

  /** Whoever is disabled loses sessions and tokens at once. Errors: `not_found` person_not_found, `failed_precondition` last_operator. */
  async update(personId: string, { etag, ...change }: PersonChange): Promise<PersonRow> {
    return inTransaction(this.#sql, async (tx) => {
      const operators = await lockOperators(tx);
      const person = await lockPerson(tx, personId);
      if (!person) throw personNotFound(personId);
      checkEtag(etag, etagOf(person.version));
      const operator = change.operator ?? person.operator;
      const disabled = change.disabled ?? person.disabled;
      const isLast = operators.length === 1 && operators[0] === personId;
      if (isLast && (disabled || !operator)) throw lastOperator();
      if (disabled) {
        await deleteSessionsOf(tx, personId);
        await deleteTokensOf(tx, personId);
      }
      return updatePerson(tx, { personId, operator, disabled, displayName: change.displayName ?? person.displayName });
    });
  }
}

function lastOperator(): PlatformError {
  return new PlatformError("failed_precondition", "This is the last operator; make somebody else one first.", {
    reason: "last_operator",
  });
}

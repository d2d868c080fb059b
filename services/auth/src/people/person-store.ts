import type { Queryable, Transaction } from "@millrace/sql";
import type { Page } from "../request-check.ts";
import type { PersonRow } from "./person.ts";

type NewPerson = Pick<PersonRow, "personId" | "email" | "displayName" | "operator" | "createdAt">;

const columns = (db: Queryable) => db`person_id, email, display_name, operator, disabled, version, created_at`;

/** Served by the primary key. */
export async function findPerson(db: Queryable, personId: string): Promise<PersonRow | undefined> {
  const [person] = await db<PersonRow[]>`
    select ${columns(db)}
    from people
    where person_id = ${personId}`;
  return person;
}

/** Served by people_email. */
export async function findPersonByEmail(
  db: Queryable,
  email: string,
): Promise<(PersonRow & { passwordHash: string | null }) | undefined> {
  const [person] = await db<(PersonRow & { passwordHash: string | null })[]>`
    select ${columns(db)}, password_hash
    from people
    where email = ${email}`;
  return person;
}

/** Served by people_email. */
export function listPeople(db: Queryable, page: Page): Promise<PersonRow[]> {
  const [email] = page.after ?? [];
  return db<PersonRow[]>`
    select ${columns(db)}
    from people
    where true ${email === undefined ? db`` : db`and email > ${email}`}
    order by email
    limit ${page.size + 1}`;
}

/** Unique by people_email: the caller turns the violation into person_exists. */
export async function insertPerson(tx: Transaction, person: NewPerson & { passwordHash: string }): Promise<PersonRow> {
  const [row] = await tx<PersonRow[]>`
    insert into people (person_id, email, display_name, password_hash, operator, created_at)
    values (${person.personId}, ${person.email}, ${person.displayName}, ${person.passwordHash}, ${person.operator},
      ${person.createdAt})
    returning ${columns(tx)}`;
  return row!;
}

/** Makes somebody who has no password yet, or changes one who still has none. Undefined when the email's person has one. */
export async function upsertInvited(tx: Transaction, person: NewPerson): Promise<PersonRow | undefined> {
  const [row] = await tx<PersonRow[]>`
    insert into people (person_id, email, display_name, operator, created_at)
    values (${person.personId}, ${person.email}, ${person.displayName}, ${person.operator}, ${person.createdAt})
    on conflict (email)
    do update set operator = excluded.operator, version = people.version + 1
    where people.password_hash is null and not people.disabled
    returning ${columns(tx)}`;
  return row;
}

/** Locks the person's row. */
export async function lockPerson(tx: Transaction, personId: string): Promise<PersonRow | undefined> {
  const [person] = await tx<PersonRow[]>`
    select ${columns(tx)}
    from people
    where person_id = ${personId}
    for no key update`;
  return person;
}

/** Operators that can act. Locks their rows, in order: two changes of operators happen one after the other. */
export async function lockOperators(tx: Transaction): Promise<string[]> {
  const rows = await tx<{ personId: string }[]>`
    select person_id
    from people
    where operator and not disabled and password_hash is not null
    order by person_id
    for no key update`;
  return rows.map(({ personId }) => personId);
}

export async function updatePerson(
  tx: Transaction,
  person: Pick<PersonRow, "personId" | "displayName" | "operator" | "disabled">,
): Promise<PersonRow> {
  const [row] = await tx<PersonRow[]>`
    update people
    set display_name = ${person.displayName}, operator = ${person.operator}, disabled = ${person.disabled},
      version = version + 1
    where person_id = ${person.personId}
    returning ${columns(tx)}`;
  return row!;
}

export async function setPassword(tx: Transaction, personId: string, passwordHash: string): Promise<void> {
  await tx`
    update people
    set password_hash = ${passwordHash}
    where person_id = ${personId}`;
}

export async function somebodyExists(db: Queryable): Promise<boolean> {
  const people = await db`
    select 1
    from people
    limit 1`;
  return people.length > 0;
}

/** Nobody else can become a person until the transaction ends. */
export async function lockPeople(tx: Transaction): Promise<void> {
  await tx`lock table people in share row exclusive mode`;
}

import type { Environment } from "@millrace/names";
import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import { type Revision, revisionText } from "./revision.ts";

interface Row extends Omit<Revision, "version" | "base"> {
  version: string;
  base: number | null;
  environments: Environment[];
}

/** Where it is served and how many APIs it has come from the primary keys of deployments and apis. */
const columns = (sql: Queryable) => sql`
  r.group_label as label, r.number, r.note, r.base, r.version, r.created_at,
  to_json(array(
    select d.environment
    from deployments d
    where d.group_label = r.group_label and d.revision = r.number and d.state = 'serving'
    order by array_position(array['test', 'preview', 'online'], d.environment)
  )) as environments,
  (select count(*) from apis a where a.group_label = r.group_label and a.revision = r.number)::int as api_count`;

/** Throws `already_exists` revision_exists. */
export async function insertRevision(
  tx: Transaction,
  { label, number, base, note }: Pick<Revision, "label" | "number" | "base" | "note">,
): Promise<void> {
  const insert = tx`
    insert into revisions (group_label, number, base, note)
    values (${label}, ${number}, ${base ?? null}, ${note})`;
  await unlessTaken(insert, "revisions_pkey", () => alreadyExists("revision", revisionText(number)));
}

/** Throws `not_found` revision_not_found. By primary key. */
export async function getRevision(sql: Queryable, label: string, number: number): Promise<Revision> {
  return revisionOf(
    await sql<Row[]>`
      select ${columns(sql)}
      from revisions r
      where r.group_label = ${label} and r.number = ${number}`,
    number,
  );
}

/**
 * As getRevision; locks the row until the transaction ends. A release locks it too, so that nothing is edited while it is being
 * released and nothing is released while it is being edited. What the answer says of deployments is read after the lock is held.
 */
export async function lockRevision(tx: Transaction, label: string, number: number): Promise<Revision> {
  await tx`
    select 1
    from revisions
    where group_label = ${label} and number = ${number}
    for update`;
  return getRevision(tx, label, number);
}

/** The one with the highest number; undefined when there is none. By primary key. */
export async function newestRevision(sql: Queryable, label: string): Promise<number | undefined> {
  const [row] = await sql<{ number: number }[]>`
    select number
    from revisions
    where group_label = ${label}
    order by number desc
    limit 1`;
  return row?.number;
}

/** Revisions below `before`, highest first. By primary key. */
export async function listRevisions(
  sql: Queryable,
  { label, before, limit }: { label: string; before: number; limit: number },
): Promise<Revision[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from revisions r
    where r.group_label = ${label} and r.number < ${before}
    order by r.number desc
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By primary key. */
export async function countRevisions(sql: Queryable, label: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from revisions
    where group_label = ${label}`;
  return row!.count;
}

export async function updateNote(tx: Transaction, label: string, number: number, note: string): Promise<void> {
  await tx`
    update revisions
    set note = ${note}, version = version + 1
    where group_label = ${label} and number = ${number}`;
}

/** Deletes it with its APIs. */
export async function deleteRevision(tx: Transaction, label: string, number: number): Promise<void> {
  await tx`
    delete from revisions
    where group_label = ${label} and number = ${number}`;
}

/** Copies the APIs of one revision into another; each keeps its uid. */
export async function copyApis(tx: Transaction, label: string, from: number, to: number): Promise<void> {
  await tx`
    insert into apis (group_label, revision, id, uid, definition, definition_bytes, route, function_uid)
    select group_label, ${to}, id, uid, definition, definition_bytes, route, function_uid
    from apis
    where group_label = ${label} and revision = ${from}`;
}

function revisionOf(rows: readonly Row[], number: number): Revision {
  const [row] = rows;
  if (!row) throw notFound("revision", revisionText(number));
  return fromRow(row);
}

function fromRow(row: Row): Revision {
  return { ...row, base: row.base ?? undefined, version: Number(row.version) };
}

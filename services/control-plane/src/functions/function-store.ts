import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Code, FunctionDraft } from "./function.ts";
import { readCode, readConfig } from "./function-json.ts";

interface Row extends Omit<FunctionDraft, "config" | "code" | "version"> {
  config: string;
  code: string | null;
  version: string;
}

const columns = (sql: Queryable) => sql`
  uid, project, id, description, config::text, code::text, latest_version, versions_kept, version, created_at, updated_at`;

/** Throws `already_exists` function_exists. */
export async function insertFunction(
  tx: Transaction,
  {
    uid,
    project,
    id,
    description,
    config,
    versionsKept,
  }: Pick<FunctionDraft, "uid" | "project" | "id" | "description" | "config" | "versionsKept">,
): Promise<void> {
  const insert = tx`
    insert into functions (uid, project, id, description, config, versions_kept)
    values (${uid}, ${project}, ${id}, ${description}, ${JSON.stringify(config)}::text::jsonb, ${versionsKept})`;
  await unlessTaken(insert, "functions_id", () => alreadyExists("function", id));
}

/** Throws `not_found` function_not_found. By the index functions_id. */
export async function getFunction(sql: Queryable, project: string, id: string): Promise<FunctionDraft> {
  return draftOf(
    await sql<Row[]>`
      select ${columns(sql)}
      from functions
      where project = ${project} and id = ${id}`,
    id,
  );
}

/** As getFunction; locks the row until the transaction ends. */
export async function lockFunction(tx: Transaction, project: string, id: string): Promise<FunctionDraft> {
  return draftOf(
    await tx<Row[]>`
      select ${columns(tx)}
      from functions
      where project = ${project} and id = ${id}
      for update`,
    id,
  );
}

/** Those of `ids` that exist, locked in the order of their ids, so that two releases cannot wait for each other. */
export async function lockFunctions(
  tx: Transaction,
  project: string,
  ids: readonly string[],
): Promise<FunctionDraft[]> {
  const rows = await tx<Row[]>`
    select ${columns(tx)}
    from functions
    where project = ${project} and id = any(${[...ids]})
    order by id
    for update`;
  return rows.map(fromRow);
}

/** Keeps those that exist from being deleted until the transaction ends. Locks in the order of uids. */
export async function holdFunctions(tx: Transaction, uids: readonly string[]): Promise<void> {
  await tx`
    select 1
    from functions
    where uid = any(${[...uids]})
    order by uid
    for key share`;
}

/**
 * Functions after `after` by id. By the index functions_id: what is searched is read in its order, no more than a project's quota of
 * functions.
 */
export async function listFunctions(
  sql: Queryable,
  { project, search, after, limit }: { project: string; search: string; after: string; limit: number },
): Promise<FunctionDraft[]> {
  const found = sql`
    and (strpos(lower(id), lower(${search})) > 0 or strpos(lower(description), lower(${search})) > 0)`;
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from functions
    where project = ${project} and id > ${after} ${search === "" ? sql`` : found}
    order by id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By the index functions_id. */
export async function countFunctions(sql: Queryable, project: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from functions
    where project = ${project}`;
  return row!.count;
}

export async function updateFunction(
  tx: Transaction,
  { uid, description, config, versionsKept }: Pick<FunctionDraft, "uid" | "description" | "config" | "versionsKept">,
): Promise<void> {
  await tx`
    update functions
    set
      description = ${description},
      config = ${JSON.stringify(config)}::text::jsonb,
      versions_kept = ${versionsKept},
      version = version + 1,
      updated_at = now()
    where uid = ${uid}`;
}

export async function updateCode(tx: Transaction, uid: string, code: Code): Promise<void> {
  await tx`
    update functions
    set
      code = ${JSON.stringify(code)}::text::jsonb,
      artifact_digest = ${code.digest},
      version = version + 1,
      updated_at = now()
    where uid = ${uid}`;
}

/** Deletes it with its versions and aliases. */
export async function deleteFunction(tx: Transaction, uid: string): Promise<void> {
  await tx`
    delete from functions
    where uid = ${uid}`;
}

/** Counts a publication in the draft: its etag stays, for its content does. */
export async function updateLatestVersion(tx: Transaction, uid: string, number: number): Promise<void> {
  await tx`
    update functions
    set latest_version = ${number}
    where uid = ${uid}`;
}

function draftOf(rows: readonly Row[], id: string): FunctionDraft {
  const [row] = rows;
  if (!row) throw notFound("function", id);
  return fromRow(row);
}

function fromRow(row: Row): FunctionDraft {
  return {
    ...row,
    config: readConfig(row.config),
    code: row.code === null ? undefined : readCode(row.code),
    version: Number(row.version),
  };
}

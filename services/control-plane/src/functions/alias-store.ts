import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Alias, AliasTarget } from "./alias.ts";

interface Row extends Omit<Alias, "targets" | "version"> {
  version: string;
  numbers: number[];
  weights: number[];
}

type StoredAlias = Pick<Alias, "functionUid" | "id" | "description" | "targets" | "minInstances">;

const columns = (sql: Queryable) => sql`
  a.function_uid, a.id, a.description, a.min_instances, a.version, a.created_at, a.updated_at,
  to_json(array(
    select number
    from alias_targets t
    where t.function_uid = a.function_uid and t.alias = a.id
    order by number
  )) as numbers,
  to_json(array(
    select weight
    from alias_targets t
    where t.function_uid = a.function_uid and t.alias = a.id
    order by number
  )) as weights`;

/** Throws `already_exists` alias_exists. */
export async function insertAlias(
  tx: Transaction,
  { functionUid, id, description, targets, minInstances }: StoredAlias,
): Promise<void> {
  const insert = tx`
    insert into aliases (function_uid, id, description, min_instances)
    values (${functionUid}, ${id}, ${description}, ${minInstances})`;
  await unlessTaken(insert, "aliases_pkey", () => alreadyExists("alias", id));
  await insertTargets(tx, functionUid, id, targets);
}

/** By primary key; undefined when there is none. */
export async function findAlias(sql: Queryable, functionUid: string, id: string): Promise<Alias | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from aliases a
    where a.function_uid = ${functionUid} and a.id = ${id}`;
  return row && fromRow(row);
}

/** Throws `not_found` alias_not_found. */
export async function getAlias(sql: Queryable, functionUid: string, id: string): Promise<Alias> {
  const alias = await findAlias(sql, functionUid, id);
  if (!alias) throw notFound("alias", id);
  return alias;
}

/** Aliases after `after` by id. By primary key. */
export async function listAliases(
  sql: Queryable,
  { functionUid, after, limit }: { functionUid: string; after: string; limit: number },
): Promise<Alias[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from aliases a
    where a.function_uid = ${functionUid} and a.id > ${after}
    order by a.id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** Ids of all aliases of a function. By primary key. */
export async function aliasIds(sql: Queryable, functionUid: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id
    from aliases
    where function_uid = ${functionUid}
    order by id`;
  return rows.map(({ id }) => id);
}

/** Ids of the aliases that point to a version. By the index alias_targets_by_version. */
export async function aliasesOfVersion(sql: Queryable, functionUid: string, number: number): Promise<string[]> {
  const rows = await sql<{ alias: string }[]>`
    select alias
    from alias_targets
    where function_uid = ${functionUid} and number = ${number}
    order by alias`;
  return rows.map(({ alias }) => alias);
}

/** Replaces description, targets and minimum. The caller has locked the function. */
export async function updateAlias(
  tx: Transaction,
  { functionUid, id, description, targets, minInstances }: StoredAlias,
): Promise<void> {
  await tx`
    update aliases
    set description = ${description}, min_instances = ${minInstances}, version = version + 1, updated_at = now()
    where function_uid = ${functionUid} and id = ${id}`;
  await tx`
    delete from alias_targets
    where function_uid = ${functionUid} and alias = ${id}`;
  await insertTargets(tx, functionUid, id, targets);
}

export async function deleteAlias(tx: Transaction, functionUid: string, id: string): Promise<void> {
  await tx`
    delete from aliases
    where function_uid = ${functionUid} and id = ${id}`;
}

async function insertTargets(
  tx: Transaction,
  functionUid: string,
  alias: string,
  targets: readonly AliasTarget[],
): Promise<void> {
  await tx`
    insert into alias_targets (function_uid, alias, number, weight)
    select ${functionUid}, ${alias}, *
    from unnest(${targets.map(({ version }) => version)}::int[], ${targets.map(({ weight }) => weight)}::int[])`;
}

function fromRow({ numbers, weights, version, ...alias }: Row): Alias {
  const targets = numbers.map((number, i) => ({ version: number, weight: weights[i]! }));
  return { ...alias, targets, version: Number(version) };
}

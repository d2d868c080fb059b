import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Group, GroupFilter } from "./group.ts";

type Row = Omit<Group, "version"> & { version: string };

const columns = (sql: Queryable) => sql`
  label, project, id, description, prefix, access, version, created_at, updated_at`;

/** Throws `already_exists` group_exists. */
export async function insertGroup(
  tx: Transaction,
  group: Pick<Group, "label" | "project" | "id" | "description" | "prefix" | "access">,
): Promise<void> {
  const { label, project, id, description, prefix, access } = group;
  const insert = tx`
    insert into api_groups (label, project, id, description, prefix, access)
    values (${label}, ${project}, ${id}, ${description}, ${prefix}, ${access})`;
  await unlessTaken(insert, "api_groups_id", () => alreadyExists("group", id));
}

/** Throws `not_found` group_not_found. By the index api_groups_id. */
export async function getGroup(sql: Queryable, project: string, id: string): Promise<Group> {
  return groupOf(
    await sql<Row[]>`
      select ${columns(sql)}
      from api_groups
      where project = ${project} and id = ${id}`,
    id,
  );
}

/** As getGroup; locks the row until the transaction ends. */
export async function lockGroup(tx: Transaction, project: string, id: string): Promise<Group> {
  return groupOf(
    await tx<Row[]>`
      select ${columns(tx)}
      from api_groups
      where project = ${project} and id = ${id}
      for update`,
    id,
  );
}

/**
 * Groups after `after` by id. By the index api_groups_id: what is searched is read in its order, no more than a project's quota of groups.
 * Whether one is served is found by the primary key of deployments.
 */
export async function listGroups(
  sql: Queryable,
  { project, filter, after, limit }: { project: string; filter: GroupFilter; after: string; limit: number },
): Promise<Group[]> {
  const { search, deployed } = filter;
  const found = sql`
    and (strpos(lower(id), lower(${search})) > 0 or strpos(lower(description), lower(${search})) > 0 or label = ${search})`;
  const served = sql`
    exists (select from deployments d where d.group_label = api_groups.label and d.state = 'serving')`;
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from api_groups
    where
      project = ${project} and id > ${after}
      ${search === "" ? sql`` : found}
      ${deployed === undefined ? sql`` : sql`and ${served} = ${deployed}`}
    order by id
    limit ${limit}`;
  return rows.map(fromRow);
}

/** By the index api_groups_id. */
export async function countGroups(sql: Queryable, project: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from api_groups
    where project = ${project}`;
  return row!.count;
}

export async function updateGroup(
  tx: Transaction,
  { label, description, prefix, access }: Pick<Group, "label" | "description" | "prefix" | "access">,
): Promise<void> {
  await tx`
    update api_groups
    set
      description = ${description},
      prefix = ${prefix},
      access = ${access},
      version = version + 1,
      updated_at = now()
    where label = ${label}`;
}

/** Deletes it with its revisions, deployments and releases. */
export async function deleteGroup(tx: Transaction, label: string): Promise<void> {
  await tx`
    delete from api_groups
    where label = ${label}`;
}

function groupOf(rows: readonly Row[], id: string): Group {
  const [row] = rows;
  if (!row) throw notFound("group", id);
  return fromRow(row);
}

function fromRow(row: Row): Group {
  return { ...row, version: Number(row.version) };
}

import type { Queryable, Transaction } from "@millrace/sql";
import { alreadyExists, notFound, unlessTaken } from "../requests/refusals.ts";
import type { Project } from "./project.ts";

type Row = Omit<Project, "version"> & { version: string };

/** Throws `already_exists` project_exists. Another transaction that makes the same project waits here for this one's end. */
export async function insertProject(tx: Transaction, id: string, displayName: string): Promise<void> {
  const insert = tx`
    insert into projects (id, display_name)
    values (${id}, ${displayName})`;
  await unlessTaken(insert, "projects_pkey", () => alreadyExists("project", id));
}

/** Throws `not_found` project_not_found. By primary key. */
export async function getProject(sql: Queryable, id: string): Promise<Project> {
  return projectOf(
    await sql<Row[]>`
      select id, display_name, version, created_at, updated_at
      from projects
      where id = ${id}`,
    id,
  );
}

/** By primary key. */
export async function findProjectMadeAt(sql: Queryable, id: string): Promise<Date | undefined> {
  const [row] = await sql<{ createdAt: Date }[]>`
    select created_at
    from projects
    where id = ${id}`;
  return row?.createdAt;
}

/** As getProject; locks the row, so that nothing joins or leaves the project meanwhile. */
export async function lockProject(tx: Transaction, id: string): Promise<Project> {
  return projectOf(
    await tx<Row[]>`
      select id, display_name, version, created_at, updated_at
      from projects
      where id = ${id}
      for update`,
    id,
  );
}

/** Projects after `after` by id; all, or those of `among`. By primary key. */
export async function listProjects(
  sql: Queryable,
  { among, after, limit }: { among: readonly string[] | undefined; after: string; limit: number },
): Promise<Project[]> {
  const rows = await sql<Row[]>`
    select id, display_name, version, created_at, updated_at
    from projects
    where id > ${after} ${among ? sql`and id = any(${[...among]})` : sql``}
    order by id
    limit ${limit}`;
  return rows.map(fromRow);
}

export async function updateProject(tx: Transaction, id: string, displayName: string): Promise<void> {
  await tx`
    update projects
    set display_name = ${displayName}, version = version + 1, updated_at = now()
    where id = ${id}`;
}

export async function deleteProject(tx: Transaction, id: string): Promise<void> {
  await tx`
    delete from projects
    where id = ${id}`;
}

export async function countProjects(sql: Queryable): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from projects`;
  return row!.count;
}

/** How many functions and groups a project owns. By the indexes functions_id and api_groups_id. */
export async function countOwned(sql: Queryable, id: string): Promise<{ functions: number; groups: number }> {
  const [row] = await sql<{ functions: number; groups: number }[]>`
    select
      (select count(*) from functions where project = ${id})::int as functions,
      (select count(*) from api_groups where project = ${id})::int as groups`;
  return row!;
}

function projectOf(rows: readonly Row[], id: string): Project {
  const [row] = rows;
  if (!row) throw notFound("project", id);
  return fromRow(row);
}

function fromRow(row: Row): Project {
  return { ...row, version: Number(row.version) };
}

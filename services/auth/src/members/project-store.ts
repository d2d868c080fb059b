import type { Queryable, Transaction } from "@millrace/sql";
import { projectNotFound } from "./member.ts";

/** Answers false when auth knows the project already. */
export async function insertProject(tx: Transaction, projectId: string, createdAt: Date): Promise<boolean> {
  const inserted = await tx`
    insert into projects (project_id, created_at)
    values (${projectId}, ${createdAt})
    on conflict do nothing
    returning 1`;
  return inserted.length === 1;
}

/** By primary key. */
export async function findProjectMadeAt(sql: Queryable, projectId: string): Promise<Date | undefined> {
  const [row] = await sql<{ createdAt: Date }[]>`
    select created_at
    from projects
    where project_id = ${projectId}`;
  return row?.createdAt;
}

/**
 * Locks the project's row: whatever counts for a quota, or needs an owner to remain, happens one after the other. Throws `not_found`
 * project_not_found.
 */
export async function lockProject(tx: Transaction, projectId: string): Promise<void> {
  if (!(await lockProjectIfKnown(tx, projectId))) throw projectNotFound(projectId);
}

/** As above; answers whether there is such a project. */
export async function lockProjectIfKnown(tx: Transaction, projectId: string): Promise<boolean> {
  const rows = await tx`
    select 1
    from projects
    where project_id = ${projectId}
    for no key update`;
  return rows.length === 1;
}

/** Fails by foreign keys while anything of the project is left. */
export async function deleteProject(tx: Transaction, projectId: string): Promise<void> {
  await tx`
    delete from projects
    where project_id = ${projectId}`;
}

import type { Queryable } from "@millrace/sql";

/** Labels of a project's groups, with their ids; of one group when it is named. By the index api_groups_id. */
export async function labelsOf(sql: Queryable, project: string, group: string): Promise<Map<string, string>> {
  const rows = await sql<{ label: string; id: string }[]>`
    select label, id
    from api_groups
    where project = ${project} ${group === "" ? sql`` : sql`and id = ${group}`}`;
  return new Map(rows.map(({ label, id }) => [label, id]));
}

/** Uids of a project's functions, with their ids; of one function when it is named. By the index functions_id. */
export async function functionUidsOf(sql: Queryable, project: string, id: string): Promise<Map<string, string>> {
  const rows = await sql<{ uid: string; id: string }[]>`
    select uid, id
    from functions
    where project = ${project} ${id === "" ? sql`` : sql`and id = ${id}`}`;
  return new Map(rows.map((row) => [row.uid, row.id]));
}

import type { Queryable } from "@millrace/sql";

// Who uses a function: APIs of any revision, and the releases that deployments hold (served, or served again once brought online).

/** `{group} {revision} {api}` of the APIs whose backend is the function. By the index apis_of_function. */
export async function apisUsing(sql: Queryable, functionUid: string, limit: number): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select
      g.id || ' ' || a.revision / 1000000 || '.' || a.revision / 1000 % 1000 || '.' || a.revision % 1000 || ' ' || a.id as name
    from apis a
    join api_groups g on g.label = a.group_label
    where a.function_uid = ${functionUid}
    order by name
    limit ${limit}`;
  return rows.map(({ name }) => name);
}

/**
 * `{group} {environment} (release {number})` of the deployments whose newest release calls the function, by any qualifier or by the
 * given one. By the index release_targets_by_function.
 */
export async function deploymentsUsing(
  sql: Queryable,
  functionUid: string,
  qualifier: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct g.id || ' ' || d.environment || ' (release ' || d.release || ')' as name
    from release_targets t
    join deployments d
      on d.group_label = t.group_label and d.environment = t.environment and d.release = t.release
    join api_groups g on g.label = d.group_label
    where t.function_uid = ${functionUid} ${qualifier === undefined ? sql`` : sql`and t.qualifier = ${qualifier}`}
    order by name
    limit ${limit}`;
  return rows.map(({ name }) => name);
}

import type { Queryable, Transaction } from "@millrace/sql";

// Versions that are too many: older than the newest that a function keeps, and used by nothing.

/** Functions after `after` that have more versions than they keep. By primary keys. */
export async function listOverfull(sql: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await sql<{ uid: string }[]>`
    select uid
    from functions f
    where
      uid > ${after}
      and latest_version > versions_kept
      and (select count(*) from function_versions v where v.function_uid = f.uid) > versions_kept
    order by uid
    limit ${limit}`;
  return rows.map(({ uid }) => uid);
}

/**
 * Deletes what of a function's versions no alias points to and no release has pinned, the newest that it keeps aside; answers their numbers.
 * Holds the function's row, so that nothing comes to use one of them meanwhile. By the indexes alias_targets_by_version and
 * release_targets_by_function.
 */
export async function deleteSurplus(tx: Transaction, uid: string, limit: number): Promise<number[]> {
  const [held] = await tx<{ versionsKept: number }[]>`
    select versions_kept
    from functions
    where uid = ${uid}
    for update`;
  if (!held) return [];
  const rows = await tx<{ number: number }[]>`
    delete from function_versions
    where function_uid = ${uid} and number in (
      select v.number
      from function_versions v
      where
        v.function_uid = ${uid}
        and v.number not in (
          select number
          from function_versions
          where function_uid = ${uid}
          order by number desc
          limit ${held.versionsKept}
        )
        and not exists (
          select from alias_targets a
          where a.function_uid = v.function_uid and a.number = v.number
        )
        and not exists (
          select from release_targets t
          where t.function_uid = v.function_uid and t.qualifier = v.number::text
        )
      order by v.number
      limit ${limit}
    )
    returning number`;
  return rows.map(({ number }) => number);
}

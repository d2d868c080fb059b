import type { Queryable, Transaction } from "@millrace/sql";
import { notFound } from "../requests/refusals.ts";
import type { FunctionVersion } from "./function.ts";
import { readCode, readConfig } from "./function-json.ts";

interface Row extends Omit<FunctionVersion, "config" | "code"> {
  config: string;
  code: string;
}

const columns = (sql: Queryable) => sql`
  function_uid, number, description, config::text, code::text, created_at`;

/** Freezes the draft. The caller has locked the function, so that numbers have no gaps. */
export async function insertVersion(
  tx: Transaction,
  version: { functionUid: string; number: number; description: string },
): Promise<void> {
  const { functionUid, number, description } = version;
  await tx`
    insert into function_versions (function_uid, number, description, config, code, artifact_digest)
    select uid, ${number}, ${description}, config, code, artifact_digest
    from functions
    where uid = ${functionUid}`;
}

/** Whether the version holds what the draft holds. By primary key. */
export async function isDraftUnchanged(sql: Queryable, functionUid: string, number: number): Promise<boolean> {
  const [row] = await sql<{ unchanged: boolean }[]>`
    select f.config = v.config and f.artifact_digest = v.artifact_digest as unchanged
    from functions f
    join function_versions v on v.function_uid = f.uid and v.number = ${number}
    where f.uid = ${functionUid}`;
  return row?.unchanged ?? false;
}

/** By primary key; undefined when there is none. */
export async function findVersion(
  sql: Queryable,
  functionUid: string,
  number: number,
): Promise<FunctionVersion | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)}
    from function_versions
    where function_uid = ${functionUid} and number = ${number}`;
  return row && fromRow(row);
}

/** Throws `not_found` version_not_found. */
export async function getVersion(sql: Queryable, functionUid: string, number: number): Promise<FunctionVersion> {
  const version = await findVersion(sql, functionUid, number);
  if (!version) throw notFound("version", String(number));
  return version;
}

/** Versions below `before`, newest first. By primary key. */
export async function listVersions(
  sql: Queryable,
  { functionUid, before, limit }: { functionUid: string; before: number; limit: number },
): Promise<FunctionVersion[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
    from function_versions
    where function_uid = ${functionUid} and number < ${before}
    order by number desc
    limit ${limit}`;
  return rows.map(fromRow);
}

/** Numbers of all versions. By primary key. */
export async function versionNumbers(sql: Queryable, functionUid: string): Promise<number[]> {
  const rows = await sql<{ number: number }[]>`
    select number
    from function_versions
    where function_uid = ${functionUid}
    order by number`;
  return rows.map(({ number }) => number);
}

/** By primary key. */
export async function countVersions(sql: Queryable, functionUid: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count
    from function_versions
    where function_uid = ${functionUid}`;
  return row!.count;
}

export async function deleteVersion(tx: Transaction, functionUid: string, number: number): Promise<void> {
  await tx`
    delete from function_versions
    where function_uid = ${functionUid} and number = ${number}`;
}

function fromRow(row: Row): FunctionVersion {
  return { ...row, config: readConfig(row.config), code: readCode(row.code) };
}

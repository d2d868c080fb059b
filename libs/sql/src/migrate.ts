import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "./database.ts";
import { fromSqlError } from "./sql-errors.ts";

// Forward-only migrations, `NNNN_verb_noun.sql`, each in one transaction under an advisory lock, so that two processes that start at once
// do the work once.

const LOCK_KEY = 7_251_946;
const REACHABLE_WITHIN_MS = 30_000;
const RETRY_WAIT_MS = 500;

/** Migrates; waits a while for a database that is still starting, unless `stopping` aborts. */
export async function migrateWhenReachable(
  sql: Sql,
  schema: string,
  directory: string,
  stopping: AbortSignal,
): Promise<string[]> {
  const deadline = performance.now() + REACHABLE_WITHIN_MS;
  for (;;) {
    try {
      return await migrate(sql, schema, directory);
    } catch (error) {
      if (fromSqlError(error).code !== "unavailable" || performance.now() > deadline) throw error;
      await sleep(RETRY_WAIT_MS, undefined, { signal: stopping });
    }
  }
}

/** Applies what is missing, in order. Refuses to run against a schema that is newer than this program. Answers what was applied. */
export async function migrate(sql: Sql, schema: string, directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).toSorted();
  // A service's role may own its schema without the right to make schemas, which even "if not exists" asks for.
  const [found] = await sql`select 1 from pg_namespace where nspname = ${schema}`;
  if (found === undefined) await sql`create schema if not exists ${sql(schema)}`;
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${LOCK_KEY})`;
    await tx`create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())`;
    const rows = await tx<{ name: string }[]>`select name from migrations order by name`;
    const done = new Set(rows.map(({ name }) => name));
    const unknown = [...done].filter((name) => !files.includes(name));
    if (unknown.length > 0)
      throw new Error(`The schema ${schema} was made by a newer version: it has ${unknown.join(", ")}.`);
    const missing = files.filter((name) => !done.has(name));
    for (const name of missing) {
      await tx.unsafe(await readFile(join(directory, name), "utf8"));
      await tx`insert into migrations (name) values (${name})`;
    }
    return missing;
  }) as Promise<string[]>;
}

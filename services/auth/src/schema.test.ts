import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Sql } from "@millrace/sql";
import { testDatabase } from "@millrace/testing";
import { MIGRATIONS } from "./auth-fixture.ts";

const DUMP = join(import.meta.dirname, "../schema.sql");

/** What the migrations add up to, from the catalog: tables with their columns, then constraints, then indexes. */
async function describeSchema(sql: Sql, schema: string): Promise<string> {
  const tables = await sql<{ name: string; columns: string[] }[]>`
    select c.relname as name, to_json(array(
      select a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || case when a.attgenerated = 's' then ' generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
          when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end
        || case when a.attnotnull then ' not null' else '' end
      from pg_attribute a
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      order by a.attnum)) as columns
    from pg_class c
    where c.relnamespace = ${schema}::regnamespace and c.relkind = 'r'
    order by c.relname`;
  const constraints = await sql<{ line: string }[]>`
    select format('alter table %s add constraint %s %s;', conrelid::regclass, conname, pg_get_constraintdef(oid)) as line
    from pg_constraint
    where connamespace = ${schema}::regnamespace and contype <> 'n'`;
  const indexes = await sql<{ line: string }[]>`
    select replace(indexdef, ${`${schema}.`}, '') || ';' as line
    from pg_indexes
    where schemaname = ${schema} and indexname not in (select conname from pg_constraint)`;
  const creates = tables.map(({ name, columns }) => `create table ${name} (\n  ${columns.join(",\n  ")}\n);\n`);
  const linesOf = (rows: readonly { line: string }[]) => rows.map(({ line }) => `${line}\n`).toSorted();
  return [...creates, "\n", ...linesOf(constraints), "\n", ...linesOf(indexes)].join("");
}

/** `UPDATE_SCHEMA=1 npm test -- services/auth/src/schema.test.ts` writes the file anew. */
test("schema.sql says what the migrations add up to", async (t) => {
  const { sql, schema } = await testDatabase(t, { schema: "auth", migrations: MIGRATIONS });
  const header = "-- What the migrations add up to, for reading. Compared with the catalog by src/schema.test.ts.\n\n";
  const described = header + (await describeSchema(sql, schema));
  if (process.env.UPDATE_SCHEMA === "1") await writeFile(DUMP, described);
  assert.equal(await readFile(DUMP, "utf8"), described);
});

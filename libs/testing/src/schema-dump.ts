import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import type { Sql } from "@millrace/sql";
import type { TestDatabase } from "./test-database.ts";

const HEADER = "-- What the migrations add up to, for reading. Compared with the catalog by src/schema.test.ts.\n\n";
const UPDATE_VARIABLE = "UPDATE_SCHEMA";

/** Compares a service's `schema.sql` with what its migrations have made; with UPDATE_SCHEMA=1 writes it first. */
export async function checkSchemaDump({ sql, schema }: TestDatabase, file: string): Promise<void> {
  const described = HEADER + (await describeSchema(sql, schema));
  if (process.env[UPDATE_VARIABLE] === "1") await writeFile(file, described);
  assert.equal(await readFile(file, "utf8"), described, `${UPDATE_VARIABLE}=1 writes ${file} anew`);
}

/** From the catalog: tables with their columns, then constraints, then indexes; of partitioned tables what their partitions are made by. */
async function describeSchema(sql: Sql, schema: string): Promise<string> {
  const tables = await sql<{ name: string; partitioned: string; columns: string[] }[]>`
    select c.relname as name, coalesce(' partition by ' || pg_get_partkeydef(c.oid), '') as partitioned, to_json(array(
      select a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || case when a.attidentity <> '' then ' generated always as identity'
          when a.attgenerated = 's' then ' generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
          when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end
        || case when a.attnotnull then ' not null' else '' end
      from pg_attribute a
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      order by a.attnum)) as columns
    from pg_class c
    where c.relnamespace = ${schema}::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by c.relname`;
  const constraints = await sql<{ line: string }[]>`
    select format('alter table %s add constraint %s %s;', conrelid::regclass, conname, pg_get_constraintdef(oid)) as line
    from pg_constraint
    where
      connamespace = ${schema}::regnamespace
      and contype <> 'n'
      and conrelid not in (select oid from pg_class where relispartition)`;
  const indexes = await sql<{ line: string }[]>`
    select replace(indexdef, ${`${schema}.`}, '') || ';' as line
    from pg_indexes
    where
      schemaname = ${schema}
      and indexname not in (select conname from pg_constraint)
      and format('%I.%I', schemaname, tablename)::regclass not in (select oid from pg_class where relispartition)`;
  const creates = tables.map(({ name, partitioned, columns }) => {
    return `create table ${name} (\n  ${columns.join(",\n  ")}\n)${partitioned};\n`;
  });
  const linesOf = (rows: readonly { line: string }[]) => rows.map(({ line }) => `${line}\n`).toSorted();
  return [...creates, "\n", ...linesOf(constraints), "\n", ...linesOf(indexes)].join("");
}

import { randomBytes } from "node:crypto";
import { CONNECTION_OPTIONS, migrate, openDatabase, type Sql } from "@millrace/sql";
import postgres from "postgres";
import { type Owner, testEngines } from "./test-engines.ts";

// A test is over when its database goes; whoever still waits for an answer then gets an error at once.
const CLOSE_TIMEOUT_S = 0;

export type TestDatabase = {
  readonly url: string;
  readonly schema: string;
  /** A pool whose search path is the schema. */
  readonly sql: Sql;
};

export type TestDatabaseOptions = {
  readonly schema?: string;
  /** A folder of migrations to apply. */
  readonly migrations?: string;
};

/** A fresh database with its schema, dropped when the owner is done. */
export async function testDatabase(owner: Owner, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { schema = "test" } = options;
  const name = `test_${randomBytes(8).toString("hex")}`;
  const { postgresUrl } = testEngines();
  await asSuperuser(postgresUrl, (server) => server`create database ${server(name)} template template0`);
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  const sql = openDatabase({ url: url.href, schema });
  owner.after(async () => {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
    await asSuperuser(postgresUrl, (server) => server`drop database ${server(name)} with (force)`);
  });
  if (options.migrations === undefined) await sql`create schema ${sql(schema)}`;
  else await migrate(sql, schema, options.migrations);
  return { url: url.href, schema, sql };
}

async function asSuperuser(url: string, work: (server: postgres.Sql) => Promise<unknown>): Promise<void> {
  const server = postgres(url, { ...CONNECTION_OPTIONS, max: 1 });
  try {
    await work(server);
  } finally {
    await server.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

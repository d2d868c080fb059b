/**
 * One database, one role and one schema per service that has state. A role owns its own schema and can see no other, so that
 * nothing but the service itself reads its tables.
 */
import postgres from "postgres";
import { randomPassword, type SecretFiles } from "../secrets/secret-files.ts";

const DATABASE = "millrace";
export const STATEFUL_SERVICES = ["auth", "control-plane"] as const;
export type StatefulService = (typeof STATEFUL_SERVICES)[number];

const CONNECT_TIMEOUT_S = 10;
const VERSION_MIN = 150_000;

const roleOf = (service: StatefulService): string => service.replace("-", "_");
export const databaseUrlFile = (files: SecretFiles, service: StatefulService): string =>
  files.path(`${service}-database.url`);

/** Makes what is missing, as the server's superuser, and writes the URL that each service connects with. */
export async function prepareDatabases(superuserUrl: string, files: SecretFiles): Promise<void> {
  const server = postgres(superuserUrl, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    await assertVersion(server);
    for (const service of STATEFUL_SERVICES) await ensureRole(server, service, password(files, service));
    await ensureDatabase(server);
  } finally {
    await server.end({ timeout: 1 });
  }
  const database = postgres(withDatabase(superuserUrl), {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    for (const service of STATEFUL_SERVICES) await ensureSchema(database, roleOf(service));
  } finally {
    await database.end({ timeout: 1 });
  }
  for (const service of STATEFUL_SERVICES) {
    files.write(`${service}-database.url`, urlFor(superuserUrl, service, password(files, service)));
  }
}

const password = (files: SecretFiles, service: StatefulService): string =>
  files.once(`${service}-database.password`, randomPassword);

async function assertVersion(sql: postgres.Sql): Promise<void> {
  const [row] = await sql`select current_setting('server_version_num')::int as version`;
  if (Number(row?.version) < VERSION_MIN)
    throw new Error(`PostgreSQL 15 or newer is needed; the server is ${row?.version}`);
}

async function ensureRole(sql: postgres.Sql, service: StatefulService, secret: string): Promise<void> {
  const role = sql(roleOf(service));
  const [found] = await sql`select 1 from pg_roles where rolname = ${roleOf(service)}`;
  if (found === undefined) await sql`create role ${role} login`;
  // Utility statements take no parameters; the password is made of letters that need no quoting (randomPassword).
  await sql.unsafe(`alter role ${roleOf(service)} password '${secret}'`);
}

async function ensureDatabase(sql: postgres.Sql): Promise<void> {
  const [found] = await sql`select 1 from pg_database where datname = ${DATABASE}`;
  if (found === undefined) await sql`create database ${sql(DATABASE)} encoding 'UTF8' template template0`;
  await sql`revoke create, temporary on database ${sql(DATABASE)} from public`;
}

async function ensureSchema(sql: postgres.Sql, role: string): Promise<void> {
  await sql`create schema if not exists ${sql(role)} authorization ${sql(role)}`;
  await sql`alter role ${sql(role)} in database ${sql(DATABASE)} set search_path = ${sql(role)}`;
  await sql`grant connect, temporary on database ${sql(DATABASE)} to ${sql(role)}`;
}

function withDatabase(url: string): string {
  const changed = new URL(url);
  changed.pathname = `/${DATABASE}`;
  return changed.href;
}

function urlFor(superuserUrl: string, service: StatefulService, secret: string): string {
  const changed = new URL(withDatabase(superuserUrl));
  changed.username = roleOf(service);
  changed.password = secret;
  return changed.href;
}

/**
 * A private PostgreSQL. It refuses to run as root, so as root everything of it belongs to an unprivileged uid. It is reached over
 * loopback TCP with a password (SCRAM) only; there is no socket file that another user of the machine could open.
 */
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { runCommand } from "../command.ts";
import { makePrivateDirectory, type User } from "../paths.ts";
import type { ProcessSpec } from "../processes/managed-process.ts";
import { commandLine, type EngineProgram, environmentOf } from "./engine-program.ts";

const INIT_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_S = 2;
const CONNECTIONS_MAX = 200;
export const POSTGRES_SUPERUSER = "millrace";

// initdb looks its own user up in /etc/passwd; the server does not. Every system knows this one.
const INIT_USER: User = { uid: 65_534, gid: 65_534 };

export type PostgresShape = {
  readonly name: string;
  readonly program: EngineProgram;
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  readonly user: User | undefined;
  readonly logFile: string;
  /** For data that may be lost, as in tests: no waiting for the disk. */
  readonly ephemeral?: boolean;
};

export const postgresUrl = (shape: Pick<PostgresShape, "port" | "password">, database = "postgres"): string =>
  `postgres://${POSTGRES_SUPERUSER}:${shape.password}@127.0.0.1:${shape.port}/${database}`;

/** The major version that made the data in a folder, if there are any. */
export function dataVersion(folder: string): string | undefined {
  const [file] = globSync(join(folder, "data/PG_VERSION"));
  return file === undefined ? undefined : readFileSync(file, "utf8").trim();
}

/** Makes the data folder on first use and answers how the server is run. */
export async function postgresProcess(shape: PostgresShape): Promise<ProcessSpec> {
  const { program, user } = shape;
  const data = join(shape.folder, "data");
  if (!existsSync(data)) await initialise(shape, data);
  return {
    name: shape.name,
    argv: () => [...commandLine(program, "postgres", shape), "-D", data, ...settings(shape)],
    env: environmentOf(program),
    cwd: shape.folder,
    user: program.kind === "binary" ? user : undefined,
    logFile: shape.logFile,
    probe: () => answersQuery(postgresUrl(shape)),
    startTimeoutMs: START_TIMEOUT_MS,
    startAttemptsMax: 3,
    // "Fast shutdown": running transactions are rolled back. SIGTERM would wait for clients to leave.
    stopSignal: "SIGINT",
    stopTimeoutMs: STOP_TIMEOUT_MS,
  };
}

function settings(shape: PostgresShape): string[] {
  const values: Record<string, string> = {
    port: String(shape.port),
    listen_addresses: shape.program.listenHost,
    unix_socket_directories: "",
    max_connections: String(CONNECTIONS_MAX),
    log_min_messages: "warning",
    ...(shape.ephemeral === true ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function initialise(shape: PostgresShape, data: string): Promise<void> {
  const { program, user } = shape;
  makePrivateDirectory(shape.folder);
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const passwordFile = join(shape.folder, "password");
  writeFileSync(passwordFile, shape.password, { mode: 0o600 });
  const initUser = user === undefined ? undefined : program.kind === "binary" ? INIT_USER : user;
  if (initUser !== undefined) await giveTo(initUser, shape.folder);
  const argv = [
    ...commandLine(program, "initdb", { ...shape, port: undefined }),
    `--pgdata=${unfinished}`,
    `--username=${POSTGRES_SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    ...(shape.ephemeral === true ? ["--no-sync"] : []),
  ];
  await runCommand(argv, {
    cwd: shape.folder,
    timeoutMs: INIT_TIMEOUT_MS,
    env: environmentOf(program),
    user: program.kind === "binary" ? initUser : undefined,
  });
  rmSync(passwordFile);
  writeFileSync(join(unfinished, "pg_hba.conf"), "host all all all scram-sha-256\n");
  if (user !== undefined) await giveTo(user, shape.folder);
  renameSync(unfinished, data);
}

async function giveTo(user: User, folder: string): Promise<void> {
  await runCommand(["chown", "-R", `${user.uid}:${user.gid}`, folder], { timeoutMs: INIT_TIMEOUT_MS });
}

async function answersQuery(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, fetch_types: false, onnotice: () => {} });
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/**
 * A private NATS server with JetStream. Its configuration is JSON, which NATS reads as well as its own syntax, and holds no
 * secret: users are known by public nkeys. WebSocket and leafnode listeners stay off, monitoring is on loopback only.
 */
import { chownSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BusPermissions } from "@millrace/bus";
import { makePrivateDirectory, type User } from "../paths.ts";
import type { ProcessSpec } from "../processes/managed-process.ts";
import { commandLine, type EngineProgram, environmentOf } from "./engine-program.ts";

const NATS_PAYLOAD_BYTES_MAX = 1024 * 1024;
// Streams reserve their bounds when they are made; the bus asks for about 16 GiB (libs/bus, BUS_LIMITS).
const STORE_BYTES_MAX = { memory: 256 * 1024 ** 2, file: 32 * 1024 ** 3 };
const CONFIGURATION = "nats.json";
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 1_000;

/** Somebody who may connect, by public nkey; without permissions every subject is open. */
export type NatsUser = { readonly nkey: string; readonly permissions?: BusPermissions };

export type NatsSettings = {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly users: readonly NatsUser[];
  readonly payloadBytesMax?: number;
};

export type NatsShape = NatsSettings & {
  readonly program: EngineProgram;
  readonly user: User | undefined;
  readonly logFile: string;
};

export function natsConfiguration(shape: NatsSettings & { listenHost: string; monitorHost: string }): string {
  return `${JSON.stringify(
    {
      server_name: shape.name,
      host: shape.listenHost,
      port: shape.port,
      http: `${shape.monitorHost}:${shape.monitorPort}`,
      max_payload: shape.payloadBytesMax ?? NATS_PAYLOAD_BYTES_MAX,
      jetstream: {
        store_dir: join(shape.folder, "jetstream"),
        max_memory_store: STORE_BYTES_MAX.memory,
        max_file_store: STORE_BYTES_MAX.file,
      },
      accounts: natsAccounts(shape.users),
    },
    null,
    2,
  )}\n`;
}

/** The part of a server's configuration that a server which is not ours needs as well. */
export const natsAccounts = (users: readonly NatsUser[]) => ({ MILLRACE: { jetstream: "enabled", users } });

/** Of the server that a platform with this home starts. */
export const natsConfigurationFile = (home: string): string => join(home, "data/nats", CONFIGURATION);

/** Replaces the users in a file that holds accounts, for a server to read again. Answers whether they were others before. */
export function changeNatsUsers(file: string, change: (users: readonly NatsUser[]) => readonly NatsUser[]): boolean {
  const before = readFileSync(file, "utf8");
  const configuration = JSON.parse(before);
  configuration.accounts.MILLRACE.users = change(configuration.accounts.MILLRACE.users);
  const after = `${JSON.stringify(configuration, null, 2)}\n`;
  if (after === before) return false;
  const unfinished = `${file}.${process.pid}.unfinished`;
  writeFileSync(unfinished, after, { mode: 0o600 });
  const { uid, gid } = statSync(file);
  chownSync(unfinished, uid, gid);
  renameSync(unfinished, file);
  return true;
}

export function natsProcess(shape: NatsShape): ProcessSpec {
  const { program, user } = shape;
  makePrivateDirectory(shape.folder);
  const configuration = join(shape.folder, CONFIGURATION);
  writeFileSync(
    configuration,
    natsConfiguration({ ...shape, listenHost: program.listenHost, monitorHost: program.listenHost }),
    { mode: 0o600 },
  );
  for (const path of user === undefined ? [] : [shape.folder, configuration]) chownSync(path, user!.uid, user!.gid);
  return {
    name: shape.name,
    argv: () => [...commandLine(program, "nats-server", shape), "--config", configuration],
    env: environmentOf(program),
    cwd: shape.folder,
    user: program.kind === "binary" ? user : undefined,
    logFile: shape.logFile,
    probe: async () => {
      const url = `http://127.0.0.1:${shape.monitorPort}/healthz`;
      return (await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })).ok;
    },
    startTimeoutMs: START_TIMEOUT_MS,
    startAttemptsMax: 2,
    stopSignal: "SIGTERM",
    stopTimeoutMs: STOP_TIMEOUT_MS,
  };
}

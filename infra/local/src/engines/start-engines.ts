/** The three engines of a platform: found, given private folders, started side by side. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineUser, makeOpenDirectory, type User } from "../paths.ts";
import { ManagedProcess, type ProcessHost } from "../processes/managed-process.ts";
import type { Ports } from "../processes/ports.ts";
import { ENGINES, type EngineName, type EngineProgram } from "./engine-program.ts";
import { findProgram } from "./find-program.ts";
import { type NatsUser, natsAccounts, natsProcess } from "./nats-engine.ts";
import { dataVersion, postgresProcess, postgresUrl } from "./postgres-engine.ts";
import { redisProcess, redisUrl } from "./redis-engine.ts";

export type Engine = {
  readonly name: EngineName;
  readonly url: string;
  /** Where its program came from, or the variable that named it. */
  readonly origin: string;
  /** Absent when the engine is somebody else's. */
  readonly process?: ManagedProcess;
};

export type Engines = Readonly<Record<EngineName, Engine>>;

export type EngineOptions = {
  /** Where data and unpacked programs are; see unprivilegedHome. */
  readonly home: string;
  readonly enginesFolder: string;
  readonly logsFolder: string;
  readonly ports: Ports;
  readonly postgresPassword: string;
  readonly redisPassword: string;
  readonly natsUsers: readonly NatsUser[];
  readonly host: ProcessHost;
  readonly ephemeral?: boolean;
};

export async function startEngines(options: EngineOptions): Promise<Engines> {
  const user = prepareData(options.home);
  const started = await Promise.allSettled([
    startEngine("nats", options, user),
    startEngine("postgres", options, user),
    startEngine("redis", options, user),
  ]);
  const failed = started.filter((result) => result.status === "rejected");
  const engines = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (failed.length > 0) {
    await Promise.all(engines.map((engine) => engine.process?.stop()));
    throw new AggregateError(
      failed.map((result) => result.reason),
      "the engines did not start",
    );
  }
  return Object.fromEntries(engines.map((engine) => [engine.name, engine])) as Engines;
}

async function startEngine(name: EngineName, options: EngineOptions, user: User | undefined): Promise<Engine> {
  const { variable } = ENGINES[name];
  const given = process.env[variable];
  if (given !== undefined && given !== "") {
    options.host.log(`${name} is the one that ${variable} names`);
    if (name === "nats") noteUsers(options);
    return { name, url: given, origin: variable };
  }
  const folders = { postgres: join(options.home, "data/postgres") };
  const program = await findProgram(name, {
    enginesFolder: options.enginesFolder,
    log: options.host.log,
    majorVersion: name === "postgres" ? dataVersion(folders.postgres) : undefined,
  });
  const { spec, url } = await instance(name, program, options, user);
  const managed = new ManagedProcess(spec, options.host);
  await managed.start();
  return { name, url, origin: `${program.origin} (${program.version})`, process: managed };
}

/** What the configuration of a server that is not ours must hold. */
export const natsAccountsFile = (home: string): string => join(home, "nats-accounts.json");

/** A server that is not ours cannot be told who may connect; its operator can. */
function noteUsers({ home, natsUsers, host }: EngineOptions): void {
  const file = natsAccountsFile(home);
  writeFileSync(file, `${JSON.stringify({ accounts: natsAccounts(natsUsers) }, null, 2)}\n`, { mode: 0o600 });
  host.log(`its configuration must hold the accounts of ${file}, and JetStream must be on`);
}

async function instance(name: EngineName, program: EngineProgram, options: EngineOptions, user: User | undefined) {
  const shape = {
    name,
    program,
    user,
    folder: join(options.home, "data", name),
    port: options.ports[name]!,
    logFile: join(options.logsFolder, `${name}.log`),
  };
  switch (name) {
    case "nats": {
      const monitorPort = options.ports.natsMonitor!;
      return {
        spec: natsProcess({ ...shape, monitorPort, users: options.natsUsers }),
        url: `nats://127.0.0.1:${shape.port}`,
      };
    }
    case "postgres": {
      const full = { ...shape, password: options.postgresPassword, ephemeral: options.ephemeral ?? false };
      return { spec: await postgresProcess(full), url: postgresUrl(full) };
    }
    case "redis": {
      const full = { ...shape, password: options.redisPassword };
      return { spec: redisProcess(full), url: redisUrl(full) };
    }
  }
}

/** The data folder belongs to the engines' uid, which is how the next start knows which one that is. */
export function prepareData(home: string): User | undefined {
  makeOpenDirectory(home);
  const user = engineUser(home);
  const data = join(home, "data");
  mkdirSync(data, { recursive: true });
  chmodSync(data, 0o711);
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  return user;
}

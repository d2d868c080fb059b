/**
 * A whole platform on this machine: secrets, engines, databases, services, in this order, and back. `npm start` runs one, and so does
 * each end-to-end test, in a state directory of its own.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Bubblewrap, findBubblewrap } from "../engines/find-bubblewrap.ts";
import type { NatsUser } from "../engines/nats-engine.ts";
import { type Engines, startEngines } from "../engines/start-engines.ts";
import { joinedUsers } from "../joining/joined-users.ts";
import {
  defaultStateDirectory,
  enginesFolder,
  makeOpenDirectory,
  makePrivateDirectory,
  unprivilegedHome,
} from "../paths.ts";
import type { ManagedProcess, ProcessHost } from "../processes/managed-process.ts";
import type { Ports } from "../processes/ports.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import { makeNatsUsers, makePlatformSecrets, type Operator } from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { databaseUrlFile, prepareDatabases, type StatefulService } from "./databases.ts";
import { claimHome } from "./home.ts";
import { isPortLost, portsFor } from "./platform-ports.ts";
import { serviceProcess, startServices, stopInOrder } from "./service-processes.ts";
import {
  addressOf,
  busIdentities,
  type CertificateFiles,
  consoleUrl,
  gatewayAddresses,
  gatewayHttpsUrl,
  gatewayPublicUrl,
  type ServiceInstance,
  serviceEnvironment,
  serviceInstances,
  telemetryIn,
} from "./service-table.ts";
import { takeStateDirectory } from "./single-start.ts";

export type PlatformOptions = {
  /** Where it keeps everything; by default `.millrace` of this clone. */
  readonly stateDirectory?: string;
  readonly runners?: number;
  readonly gateways?: number;
  /** Invocations that each runner runs at a time; by default what the runner decides. */
  readonly runnerSlots?: number | undefined;
  /** Ports to try before others, by name (`gateway.http`, `console-1.http`, `postgres`, …). */
  readonly ports?: Ports;
  /** The weakest isolation that runners accept. */
  readonly runnerMinimumTier?: "development" | "reduced" | "full";
  /** What functions may reach besides public addresses and the platform's own gateways: `address[/prefix][:port]`. */
  readonly egressAllow?: readonly string[];
  /** What http backends may be besides public addresses, in the same form. */
  readonly backendAllow?: readonly string[];
  /** Where webhooks may be besides public addresses. */
  readonly webhookAllow?: readonly string[];
  /** For measurements: what functions cost without the walls of the full tier. */
  readonly withoutBubblewrap?: boolean;
  /** Gateways listen for TLS too, with this certificate for the platform's own hosts. */
  readonly https?: { readonly certificate?: CertificateFiles | undefined } | undefined;
  /** Name servers that are asked whose a custom host is, as `address[:port]`; by default the machine's own. */
  readonly dnsServers?: readonly string[];
  readonly logLevel?: string;
  /** Variables for the telemetry of all services, such as `OTEL_EXPORTER_OTLP_ENDPOINT`; by default the environment's. */
  readonly telemetry?: Readonly<Record<string, string>>;
  /** For tests: the databases need not survive a power cut. */
  readonly ephemeral?: boolean;
  /** NATS users beside the services', such as a test's that listens to the bus. */
  readonly natsUsers?: readonly NatsUser[];
  readonly log?: (line: string) => void;
  /** Aborting gives the start up; whatever runs by then is stopped. */
  readonly signal?: AbortSignal;
};

/** What `platform.json` says, for the CLI and everything else that wants to reach a running platform. */
export type PlatformFile = {
  readonly gatewayUrl: string;
  /** Absent without TLS. */
  readonly gatewayHttpsUrl?: string;
  readonly consoleUrl: string;
  readonly controlPlaneAddress: string;
  readonly authAddress: string;
  readonly adminToken: string;
  readonly natsUrl: string;
};

export type Platform = PlatformFile & {
  readonly stateDirectory: string;
  readonly platformFile: string;
  readonly logsFolder: string;
  readonly secretsFolder: string;
  /** Each gateway's own; `gatewayUrl` is the first, or what several share. */
  readonly gatewayUrls: readonly string[];
  readonly operator: Operator;
  readonly engines: Engines;
  readonly services: readonly ManagedProcess[];
  /** The process of one instance, such as `gateway-1`. */
  service(name: string): ManagedProcess;
  /** What a service connects to its database with. */
  databaseUrl(service: StatefulService): string;
  /** Stops everything in reverse order; data stay. */
  stop(): Promise<void>;
  /** Stops everything and removes all that it kept. */
  destroy(): Promise<void>;
};

/** A runner that is told of a program looks for no other. */
const NO_BUBBLEWRAP: Bubblewrap = { path: "/nonexistent", libraries: "" };

export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const stateDirectory = makeOpenDirectory(resolve(options.stateDirectory ?? defaultStateDirectory));
  const giveBack = takeStateDirectory(stateDirectory);
  const host: ProcessHost = {
    ledger: new ProcessLedger(join(stateDirectory, "run")),
    log: options.log ?? (() => {}),
    processes: new Set(),
  };
  const platformFile = join(stateDirectory, "platform.json");
  const stop = async (): Promise<void> => {
    rmSync(platformFile, { force: true });
    await stopInOrder(host.processes);
    giveBack();
  };
  // What is being waited for ends at once when everything that runs is stopped.
  const giveUp = (): void => void stopInOrder(host.processes);
  options.signal?.addEventListener("abort", giveUp);
  const instances = serviceInstances({ gateways: options.gateways ?? 1, runners: options.runners ?? 1 });
  const attempt = () => assemble(stateDirectory, platformFile, instances, options, host, stop);
  try {
    return await attempt().catch(async (error: unknown) => {
      await stopInOrder(host.processes);
      if (options.signal?.aborted || !(await isPortLost(stateDirectory, instances, options.https !== undefined)))
        throw error;
      // Ports are chosen before they are bound, and between the two anybody may take one.
      host.log("another process has taken a port; starting again, once, with another one");
      host.processes.clear();
      return attempt();
    });
  } catch (error) {
    await stop();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
}

async function assemble(
  stateDirectory: string,
  platformFile: string,
  instances: readonly ServiceInstance[],
  options: PlatformOptions,
  host: ProcessHost,
  stop: () => Promise<void>,
): Promise<Platform> {
  for (const name of await host.ledger.reap()) host.log(`${name} was left from an earlier start and is ended`);
  const ports = await portsFor(stateDirectory, instances, options.ports, options.https !== undefined);
  const files = new SecretFiles(join(stateDirectory, "secrets"));
  const secrets = makePlatformSecrets(files);
  const home = unprivilegedHome(stateDirectory);
  claimHome(home, stateDirectory, files, host.log);
  const logsFolder = makePrivateDirectory(join(stateDirectory, "logs"));
  const bubblewrap = options.withoutBubblewrap
    ? NO_BUBBLEWRAP
    : findBubblewrap({ enginesFolder: enginesFolder(), log: host.log });
  const engines = await startEngines({
    home,
    enginesFolder: enginesFolder(),
    logsFolder,
    ports,
    postgresPassword: secrets.postgresPassword,
    redisPassword: secrets.redisPassword,
    natsUsers: [...makeNatsUsers(files, busIdentities(instances)), ...joinedUsers(files), ...(options.natsUsers ?? [])],
    host,
    ephemeral: options.ephemeral ?? false,
  });
  await prepareDatabases(engines.postgres.url, files);
  options.signal?.throwIfAborted();
  const settings = {
    ports,
    natsUrl: engines.nats.url,
    files,
    secrets,
    redisUrlFile: files.write("redis.url", engines.redis.url),
    runnersFolder: makeOpenDirectory(join(home, "runners")),
    runnerMinimumTier: options.runnerMinimumTier ?? "development",
    bubblewrap: await bubblewrap,
    runnerSlots: options.runnerSlots,
    egressAllow: [...gatewayAddresses(instances, ports), ...(options.egressAllow ?? [])],
    backendAllow: options.backendAllow ?? [],
    webhookAllow: options.webhookAllow ?? [],
    https: options.https,
    dnsServers: options.dnsServers ?? [],
    logLevel: options.logLevel ?? "info",
    telemetry: options.telemetry ?? telemetryIn(process.env),
  };
  const services = instances.map((instance) => {
    const operationsAddress = addressOf(ports, instance.id, "operations");
    const env = serviceEnvironment(instance, settings);
    return serviceProcess({ ...instance, env, operationsAddress, logsFolder }, host);
  });
  await startServices(services, options.signal);
  options.signal?.throwIfAborted();
  const reachable: PlatformFile = {
    gatewayUrl: gatewayPublicUrl(ports),
    ...(options.https && { gatewayHttpsUrl: gatewayHttpsUrl(ports) }),
    consoleUrl: consoleUrl(ports),
    controlPlaneAddress: addressOf(ports, "control-plane-1", "grpc"),
    authAddress: addressOf(ports, "auth-1", "grpc"),
    adminToken: secrets.operator.token,
    natsUrl: engines.nats.url,
  };
  writeFileSync(platformFile, `${JSON.stringify(reachable, null, 2)}\n`, { mode: 0o600 });
  return {
    ...reachable,
    stateDirectory,
    platformFile,
    logsFolder,
    secretsFolder: files.folder,
    gatewayUrls: instances
      .filter(({ service }) => service === "gateway")
      .map(({ id }) => `http://${addressOf(ports, id, "http")}`),
    operator: secrets.operator,
    engines,
    services,
    service: (name) => named(services, name),
    databaseUrl: (service) => readFileSync(databaseUrlFile(files, service), "utf8"),
    stop,
    destroy: async () => {
      await stop();
      for (const folder of [home, stateDirectory]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function named(services: readonly ManagedProcess[], name: string): ManagedProcess {
  const found = services.find((service) => service.name === name);
  if (found === undefined)
    throw new Error(`no ${name} here; there are ${services.map((service) => service.name).join(", ")}`);
  return found;
}

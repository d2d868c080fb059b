import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { ENVIRONMENTS, type Environment } from "@millrace/names";
import type { Egress } from "@millrace/proto/control/v1/functions";
import { EGRESS_FAULT, egressOf, egressOfHosts, HTTP } from "../egress.ts";
import { MANIFEST_BYTES_MAX } from "../limits.ts";
import { readText } from "../terminal.ts";
import { type ManifestBackend, type ManifestRule, readBackend, readRules, texts } from "./manifest-backend.ts";
import { YamlReader, type YamlValue } from "./yaml-reader.ts";

// millrace.yaml: what a project is meant to hold.

export interface Manifest {
  project: string | undefined;
  functions: ManifestFunction[];
  groups: ManifestGroup[];
}

export interface ManifestFunction {
  id: string;
  description: string;
  /** Absolute path of a file or a folder. */
  code: string;
  /** Entry file within a folder. */
  entry: string | undefined;
  handler: string;
  /** 0 means the platform's default, here and below. */
  memoryMib: number;
  timeoutMs: number;
  concurrency: number;
  /** 0 means none. */
  maxConcurrencyPerRunner: number;
  egress: Egress;
  environment: Record<string, string>;
  aliases: ManifestAlias[];
  /** Absolute path of a file of KEY=value lines. */
  secretsFrom: string | undefined;
}

export interface ManifestAlias {
  id: string;
  /** Unset: what the deploy makes of the draft. */
  version: number | undefined;
  minInstances: number;
}

export interface ManifestGroup {
  id: string;
  description: string;
  /** Absolute path of an OpenAPI document. */
  openapi: string;
  prefix: string;
  access: "none" | "authorized";
  releases: ManifestRelease[];
}

export interface ManifestRelease {
  environment: Environment;
  backend: ManifestBackend | undefined;
  /** Undefined: those of the last release. */
  rules: ManifestRule[] | undefined;
  note: string;
}

/** Throws `request_invalid` whose violations are `file:line:column`. */
export function readManifest(file: string): Manifest {
  const text = readText(file, "millrace.yaml");
  if (text.length > MANIFEST_BYTES_MAX)
    throw invalidFields([{ field: file, description: `must be at most ${MANIFEST_BYTES_MAX} bytes` }]);
  return parseManifest(basename(file), dirname(resolve(file)), text);
}

export function parseManifest(fileName: string, folder: string, text: string): Manifest {
  const reader = new YamlReader(fileName, text);
  const root = reader.root();
  const { project, functions, groups } = root.object(["project", "functions", "groups"]);
  const manifest: Manifest = {
    project: project.string(),
    functions: functions.entries().map(([id, value]) => readFunction(id, value, folder)),
    groups: groups.entries().map(([id, value]) => readGroup(id, value, folder)),
  };
  if (root.absent) root.fault("is empty; it needs functions or groups");
  reader.finish();
  return manifest;
}

/** The project that a manifest names, whatever else may be wrong with it. */
export function projectInManifest(file: string): string | undefined {
  const { project } = new YamlReader(basename(file), readText(file, "millrace.yaml")).root().object(["project"]);
  return project.string();
}

const VERSION_MAX = 999_999_999;

const FUNCTION_KEYS = [
  "code",
  "entry",
  "handler",
  "description",
  "memoryMib",
  "timeoutMs",
  "concurrency",
  "maxConcurrencyPerRunner",
  "egress",
  "environment",
  "aliases",
  "secretsFrom",
] as const;

function readFunction(id: string, value: YamlValue, folder: string): ManifestFunction {
  const read = value.object(FUNCTION_KEYS);
  return {
    id,
    description: read.description.string() ?? "",
    code: existingPath(read.code, folder, read.code.required()),
    entry: read.entry.string(),
    handler: read.handler.string() ?? "",
    memoryMib: read.memoryMib.integer(128, 1_024) ?? 0,
    timeoutMs: read.timeoutMs.integer(100, 300_000) ?? 0,
    concurrency: read.concurrency.integer(1, 100) ?? 0,
    maxConcurrencyPerRunner: read.maxConcurrencyPerRunner.integer(1, 1_000) ?? 0,
    egress: readEgress(read.egress),
    environment: texts(read.environment),
    aliases: read.aliases.entries().map(([alias, member]) => readAlias(alias, member)),
    secretsFrom: read.secretsFrom.absent
      ? undefined
      : existingPath(read.secretsFrom, folder, read.secretsFrom.string() ?? ""),
  };
}

function readAlias(id: string, value: YamlValue): ManifestAlias {
  const { version, minInstances } = value.object(["version", "minInstances"]);
  return { id, version: version.integer(1, VERSION_MAX), minInstances: minInstances.integer(0, 16) ?? 0 };
}

function readEgress(value: YamlValue): Egress {
  if (value.absent) return HTTP;
  const egress = value.isList
    ? egressOfHosts(value.items().map((item) => item.required()))
    : egressOf(value.required());
  if (!egress) value.fault(EGRESS_FAULT);
  return egress ?? HTTP;
}

const GROUP_KEYS = ["openapi", "description", "prefix", "access", "environments", "release", "backend"] as const;

function readGroup(id: string, value: YamlValue, folder: string): ManifestGroup {
  const read = value.object(GROUP_KEYS);
  return {
    id,
    description: read.description.string() ?? "",
    openapi: existingPath(read.openapi, folder, read.openapi.required()),
    prefix: read.prefix.string() ?? "",
    access: read.access.oneOf(["none", "authorized"]) ?? "authorized",
    releases: readReleases(read.environments, read.release, readBackend(read.backend)),
  };
}

/** Either a list of environments, or an object of them with what is particular to each. */
function readReleases(
  environments: YamlValue,
  release: YamlValue,
  backend: ManifestBackend | undefined,
): ManifestRelease[] {
  if (!release.absent) {
    if (!environments.absent) environments.fault("cannot stand beside release, which names the environments too");
    const read = release.object(ENVIRONMENTS);
    return ENVIRONMENTS.filter((environment) => read[environment].path in namesOf(release)).map((environment) => {
      const particular = read[environment].object(["backend", "rules", "note"]);
      return {
        environment,
        backend: readBackend(particular.backend) ?? backend,
        rules: particular.rules.absent ? undefined : readRules(particular.rules),
        note: particular.note.string() ?? "",
      };
    });
  }
  const named = environments.items().map((item) => item.oneOf(ENVIRONMENTS));
  const distinct = new Set(named.filter((name) => name !== undefined));
  return [...distinct].map((environment) => ({ environment, backend, rules: undefined, note: "" }));
}

function namesOf(value: YamlValue): Record<string, true> {
  return Object.fromEntries(value.entries().map(([, member]) => [member.path, true as const]));
}

function existingPath(value: YamlValue, folder: string, path: string): string {
  const absolute = resolve(folder, path);
  if (path !== "" && !existsSync(absolute)) value.fault(`names ${path}, which does not exist`);
  return absolute;
}

/**
 * A program that can serve as an engine, wherever it came from, and which versions are good enough (older NATS
 * servers have known holes).
 */
import { join } from "node:path";
import type { User } from "../paths.ts";
import { dockerRun } from "./docker-program.ts";

export type EngineName = "nats" | "postgres" | "redis";

/** What a server needs to know of the instance that it becomes. */
export type InstanceShape = {
  readonly name: string;
  /** The folder with its configuration and data; the only one it may write. */
  readonly folder: string;
  readonly port?: number | undefined;
  readonly user: User | undefined;
};

/** Plain data, so that a test process can be handed what another process has found. */
export type EngineProgram = {
  /** For people: a path, "Debian package nats-server", "Docker image redis:8". */
  readonly origin: string;
  readonly version: string;
  /** What the server binds to; it is reached on 127.0.0.1 in any case. */
  readonly listenHost: string;
} & (
  | { readonly kind: "binary"; readonly folder: string; readonly environment: Readonly<Record<string, string>> }
  | { readonly kind: "image"; readonly image: string }
);

/** The command line that stands in front of an executable's own arguments. */
export function commandLine(program: EngineProgram, executable: string, instance: InstanceShape): string[] {
  if (program.kind === "binary") return [join(program.folder, executable)];
  return [...dockerRun(instance), program.image, executable];
}

export function environmentOf(program: EngineProgram): Readonly<Record<string, string>> {
  return program.kind === "binary" ? program.environment : {};
}

export type EngineRow = {
  readonly title: string;
  readonly executable: string;
  readonly minimumVersion: string;
  readonly variable: string;
  readonly dockerImage: string;
  readonly advice: string;
};

export const ENGINES: Readonly<Record<EngineName, EngineRow>> = {
  nats: {
    title: "NATS",
    executable: "nats-server",
    minimumVersion: "2.12.6",
    variable: "MILLRACE_ENGINE_NATS_URL",
    dockerImage: "nats:2.12",
    advice: "install nats-server 2.12.6 or newer and put it in PATH",
  },
  postgres: {
    title: "PostgreSQL",
    executable: "postgres",
    minimumVersion: "15",
    variable: "MILLRACE_ENGINE_POSTGRES_URL",
    dockerImage: "postgres:18",
    advice: "install PostgreSQL 15 or newer (Debian: apt-get install postgresql)",
  },
  redis: {
    title: "Redis",
    executable: "redis-server",
    minimumVersion: "7",
    variable: "MILLRACE_ENGINE_REDIS_URL",
    dockerImage: "redis:8",
    advice: "install Redis 7 or newer (Debian: apt-get install redis-server)",
  },
};

/** The first dotted number in what `--version` printed. */
export function parseVersion(printed: string): string | undefined {
  return /(\d+(?:\.\d+)+|\b\d+\b)/.exec(printed)?.[1];
}

/** True when version is the same as or newer than minimum, compared number by number. */
export function isAtLeast(version: string, minimum: string): boolean {
  const have = version.split(".").map(Number);
  for (const [index, wanted] of minimum.split(".").map(Number).entries()) {
    const part = have[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

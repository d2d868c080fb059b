/**
 * Finds bubblewrap, with which runners put walls around sandboxes: a good enough binary of the machine, else the Debian package unpacked
 * under the engines folder. Without it a runner reaches a lower tier and says so, which is why a search that fails is told and not thrown.
 */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fetchDebianPackages, libraryPath } from "../../bootstrap/debian-packages.mjs";
import { findExecutables, runCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { isRoot } from "../paths.ts";
import { isAtLeast, parseVersion } from "./engine-program.ts";
import type { Search } from "./find-program.ts";

// The first that can bound the size of a file system in memory.
const MINIMUM_VERSION = "0.8";
const VERSION_TIMEOUT_MS = 10_000;
// Nobody waits long for what can be done without.
const FETCH_TIMEOUT_MS = 30_000;
// Sandboxes have users of their own, so others than its owner must be able to run it.
const ANYBODY = { uid: 65_534, gid: 65_534 };

/** Plain data, so that a test process can be handed what another process has found. */
export type Bubblewrap = {
  readonly path: string;
  /** Folders of libraries that it needs and the machine lacks, separated by colons. */
  readonly libraries: string;
};

/** What tells a runner of it. */
export function bubblewrapEnvironment(found: Bubblewrap | undefined): Record<string, string> {
  if (found === undefined) return {};
  return {
    MILLRACE_RUNNER_BUBBLEWRAP: found.path,
    ...(found.libraries !== "" && { MILLRACE_RUNNER_BUBBLEWRAP_LIBRARIES: found.libraries }),
  };
}

export async function findBubblewrap(search: Pick<Search, "enginesFolder" | "log">): Promise<Bubblewrap | undefined> {
  // Namespaces are Linux's.
  if (process.platform !== "linux") return undefined;
  const tried: string[] = [];
  for (const source of [fromMachine, fromPackage]) {
    try {
      return await source(search);
    } catch (error) {
      tried.push(describeError(error));
    }
  }
  search.log(`functions are less isolated without bubblewrap; please install it (${tried.join("; ")})`);
  return undefined;
}

async function fromMachine(): Promise<Bubblewrap> {
  const refused: string[] = [];
  for (const path of new Set(findExecutables("bwrap").map((at) => realpathSync(at)))) {
    try {
      return await checked({ path, libraries: "" });
    } catch (error) {
      refused.push(describeError(error));
    }
  }
  throw new Error(refused.length === 0 ? "bwrap is not on this machine" : refused.join("; "));
}

async function fromPackage({ enginesFolder, log }: Pick<Search, "enginesFolder" | "log">): Promise<Bubblewrap> {
  const folder = join(enginesFolder, "bubblewrap");
  const path = join(folder, "usr/bin/bwrap");
  if (!existsSync(path)) {
    log("fetching the Debian package bubblewrap");
    await fetchDebianPackages({
      packages: ["bubblewrap"],
      suite: "host",
      withDependencies: true,
      into: folder,
      timeoutMs: FETCH_TIMEOUT_MS,
    });
  }
  return checked({ path, libraries: libraryPath(folder) });
}

async function checked(candidate: Bubblewrap): Promise<Bubblewrap> {
  const { path, libraries } = candidate;
  const printed = await runCommand([path, "--version"], {
    timeoutMs: VERSION_TIMEOUT_MS,
    env: libraries === "" ? {} : { LD_LIBRARY_PATH: libraries },
    user: isRoot() ? ANYBODY : undefined,
  });
  const version = parseVersion(printed);
  if (version === undefined || !isAtLeast(version, MINIMUM_VERSION)) {
    throw new Error(`${path} is version ${version ?? "unknown"}, older than ${MINIMUM_VERSION}`);
  }
  return candidate;
}

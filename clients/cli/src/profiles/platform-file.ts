import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { invalidFields, PlatformError } from "@millrace/errors";
import { readText, type Terminal } from "../terminal.ts";
import type { PlatformAddresses, Profile } from "./profile.ts";

// `platform.json` is written by a platform that runs on this machine: where it is, and its first operator's token. It goes when the
// platform stops; its ports stay, for the next start.

const VARIABLE = "MILLRACE_PLATFORM_FILE";
const IN_FOLDER = ".millrace/platform.json";
const LEFT_BEHIND = "ports.json";

export type PlatformFile = PlatformAddresses & { adminToken: string };

/** The file that the environment names. */
export function namedPlatformFile(terminal: Terminal): PlatformFile | undefined {
  const path = namedPath(terminal);
  if (path !== undefined && isStopped(path)) throw stopped(path);
  return path === undefined ? undefined : read(path);
}

/** Throws `unavailable` when a platform was started from this folder or one above, and runs no more. */
export function refuseStopped({ cwd }: Pick<Terminal, "cwd">): void {
  const path = pathAbove(cwd, isStopped);
  if (path !== undefined) throw stopped(path);
}

/** The file of a platform that runs from this folder or one above. */
export function nearbyPlatformFile(terminal: Pick<Terminal, "cwd">): PlatformFile | undefined {
  const path = nearbyPath(terminal);
  return path === undefined ? undefined : read(path);
}

/** The platform that runs here, and its folder, which holds its secrets too. */
export function platformHere(terminal: Terminal): PlatformFile & { folder: string } {
  const path = namedPath(terminal) ?? nearbyPath(terminal);
  if (path !== undefined && existsSync(path)) return { ...read(path), folder: dirname(path) };
  throw new PlatformError(
    "failed_precondition",
    `No platform runs from this folder; go to where npm start was called, or let ${VARIABLE} name its platform.json.`,
    { reason: "platform_not_here" },
  );
}

function namedPath({ env, cwd }: Terminal): string | undefined {
  const path = env[VARIABLE];
  return path ? resolve(cwd, path) : undefined;
}

function nearbyPath({ cwd }: Pick<Terminal, "cwd">): string | undefined {
  return pathAbove(cwd, existsSync);
}

function isStopped(path: string): boolean {
  return !existsSync(path) && existsSync(join(dirname(path), LEFT_BEHIND));
}

function stopped(path: string): PlatformError {
  const message = `The platform in ${dirname(path)} does not run; npm start starts it, and millrace login reaches another.`;
  return new PlatformError("unavailable", message, { reason: "platform_unavailable" });
}

function pathAbove(cwd: string, accepts: (path: string) => boolean): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, IN_FOLDER);
    if (accepts(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

export function operatorProfile({ adminToken, ...addresses }: PlatformFile): Profile {
  return { ...addresses, token: adminToken, credential: "token" };
}

function read(path: string): PlatformFile {
  const text = readText(path, VARIABLE);
  try {
    const { gatewayUrl, consoleUrl, controlPlaneAddress, authAddress, adminToken } = JSON.parse(text);
    for (const member of [controlPlaneAddress, authAddress, adminToken])
      if (typeof member !== "string") throw new Error();
    return { gatewayUrl, consoleUrl, controlPlaneAddress, authAddress, adminToken };
  } catch {
    throw invalidFields([{ field: VARIABLE, description: `names ${path}, which is no platform.json` }]);
  }
}

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { readText, type Terminal } from "../terminal.ts";
import type { PlatformAddresses, Profile } from "./profile.ts";

// `platform.json` is written by a platform that runs on this machine: where it is, and its first operator's token.

const VARIABLE = "MILLRACE_PLATFORM_FILE";
const IN_FOLDER = ".millrace/platform.json";

export type PlatformFile = PlatformAddresses & { adminToken: string };

/** The file that the environment names. */
export function namedPlatformFile({ env, cwd }: Terminal): PlatformFile | undefined {
  const path = env[VARIABLE];
  return path ? read(resolve(cwd, path)) : undefined;
}

/** The file of a platform that runs from this folder or one above. */
export function nearbyPlatformFile({ cwd }: Pick<Terminal, "cwd">): PlatformFile | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, IN_FOLDER);
    if (existsSync(path)) return read(path);
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

/** Secrets as files that only their owner reads, made once and kept. */

import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory } from "../paths.ts";

export class SecretFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = makePrivateDirectory(folder);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What the file holds; where there is none it is made first. */
  once(name: string, make: () => string): string {
    const path = this.path(name);
    if (!existsSync(path)) this.write(name, make());
    return readFileSync(path, "utf8");
  }

  /** Replaces the file as a whole, so that no reader meets half of it; answers its path. */
  write(name: string, content: string): string {
    const path = this.path(name);
    const unfinished = `${path}.${process.pid}.unfinished`;
    writeFileSync(unfinished, content, { mode: 0o600 });
    chmodSync(unfinished, 0o600);
    renameSync(unfinished, path);
    return path;
  }
}

/** 192 bits, in letters that need no escaping in URLs, JSON and configuration files. */
export const randomPassword = (): string => randomBytes(24).toString("base64url");

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PlatformError } from "@millrace/errors";
import type { Terminal } from "../terminal.ts";
import type { Profile } from "./profile.ts";

// Saved profiles: one file that only its user can read, replaced as a whole.

export const DEFAULT_PROFILE = "default";

export class ProfileStore {
  readonly #file: string;

  constructor({ env, home }: Pick<Terminal, "env" | "home">) {
    this.#file = join(env.XDG_CONFIG_HOME || join(home, ".config"), "millrace", "profiles.json");
  }

  get file(): string {
    return this.#file;
  }

  get(name: string): Profile | undefined {
    const profiles = this.#read();
    return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  }

  save(name: string, profile: Profile): void {
    this.#write({ ...this.#read(), [name]: profile });
  }

  remove(name: string): void {
    const { [name]: _, ...others } = this.#read();
    this.#write(others);
  }

  #read(): Record<string, Profile> {
    try {
      return (JSON.parse(readFileSync(this.#file, "utf8")) as { profiles: Record<string, Profile> }).profiles;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw new PlatformError("failed_precondition", `${this.#file} cannot be read; remove it and sign in again.`, {
        reason: "profiles_unreadable",
        cause,
      });
    }
  }

  #write(profiles: Record<string, Profile>): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify({ profiles }, null, 2)}\n`, { mode: 0o600 });
    chmodSync(draft, 0o600);
    renameSync(draft, this.#file);
  }
}

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { PlatformError } from "@millrace/errors";
import { projectInManifest } from "./deploy/manifest.ts";
import { printableLines } from "./output/table.ts";
import { type CallBounds, PlatformClient } from "./platform-client.ts";
import { chooseProfile } from "./profiles/choose-profile.ts";
import type { Profile } from "./profiles/profile.ts";
import type { Terminal } from "./terminal.ts";

const MANIFEST = "millrace.yaml";
const DEFAULT_PROJECT = "default";

/** Options that every command takes. */
export interface GlobalOptions {
  output: "table" | "json";
  project?: string;
  useProfile?: string;
}

/** What a command works with. The profile is read and the platform connected only when a command asks for it. */
export class Context {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  #profile: Profile | undefined;
  #platform: PlatformClient | undefined;

  constructor(terminal: Terminal, options: GlobalOptions) {
    this.terminal = terminal;
    this.options = options;
  }

  get json(): boolean {
    return this.options.output === "json";
  }

  get profile(): Profile {
    this.#profile ??= chooseProfile(this.terminal, this.profileName);
    return this.#profile;
  }

  get profileName(): string | undefined {
    return this.options.useProfile ?? (this.terminal.env.MILLRACE_PROFILE || undefined);
  }

  get platform(): PlatformClient {
    this.#platform ??= new PlatformClient(this.profile, this.profile.token);
    return this.#platform;
  }

  /** `projects/{id}`: of --project, else the profile, else the nearest millrace.yaml, else `default`. */
  get project(): string {
    return `projects/${this.#namedProject() ?? DEFAULT_PROJECT}`;
  }

  /** A failure with what the platform cannot know: whether anybody has named the project that is not there. */
  explained(error: unknown): unknown {
    if (!(error instanceof PlatformError) || error.reason !== "project_not_found") return error;
    const { code, message, reason, metadata } = error;
    const named = this.#namedProject();
    if (message !== `There is no project ${named ?? DEFAULT_PROJECT}.`) return error;
    const wayOut = named
      ? `millrace project list shows yours, and millrace project create ${named} makes it.`
      : "It is meant when none is named: name one with --project; millrace project list shows yours.";
    return new PlatformError(code, `${message} ${wayOut}`, { reason, metadata, cause: error });
  }

  call: PlatformClient["call"] = (method, request, bounds?: CallBounds) => this.platform.call(method, request, bounds);

  callServerStream: PlatformClient["callServerStream"] = (method, request, bounds?: CallBounds) =>
    this.platform.callServerStream(method, request, bounds);

  listAll: PlatformClient["listAll"] = (method, request, items) => this.platform.listAll(method, request, items);

  /** Says something to people while a command runs; a JSON document stays alone. */
  say(line: string): void {
    if (!this.json) this.terminal.stdout.write(`${printableLines(line)}\n`);
  }

  close(): void {
    this.#platform?.close();
  }

  #namedProject(): string | undefined {
    return this.options.project ?? this.profile.project ?? this.#manifestProject();
  }

  #manifestProject(): string | undefined {
    for (let folder = this.terminal.cwd; ; folder = dirname(folder)) {
      const file = join(folder, MANIFEST);
      if (existsSync(file)) return projectInManifest(file);
      if (folder === dirname(folder)) return undefined;
    }
  }
}

/** The command-line client as a user runs it: a process of its own, with a home of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "@millrace/local";

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type CliOptions = {
  /** Where the CLI keeps what it remembers of a login. */
  readonly home: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
};

const INHERITED = ["PATH", "NODE_COMPILE_CACHE", "LD_LIBRARY_PATH"];
const TIMEOUT_MS = 90_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export class Cli {
  readonly #options: CliOptions;

  constructor(options: CliOptions) {
    this.#options = options;
  }

  /** Runs a command to its end, whatever its exit code. */
  run(args: readonly string[], options: Partial<CliOptions> = {}): Promise<CliResult> {
    const { home, cwd = home, env = {}, stdin = "" } = { ...this.#options, ...options };
    const program = join(repositoryRoot, "clients/cli/bin/millrace.mjs");
    return new Promise((settle, reject) => {
      const child = execFile(
        process.execPath,
        [program, ...args],
        {
          cwd,
          env: { ...inherited(), HOME: home, XDG_CONFIG_HOME: join(home, ".config"), ...env },
          timeout: TIMEOUT_MS,
          killSignal: "SIGKILL",
          maxBuffer: OUTPUT_BYTES_MAX,
        },
        (error, stdout, stderr) => {
          if (error !== null && typeof error.code !== "number") return reject(error);
          settle({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
        },
      );
      child.stdin!.end(stdin);
    });
  }

  /** Runs a command that must succeed, and answers what it printed as JSON. */
  async json<T>(args: readonly string[], options: Partial<CliOptions> = {}): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, "--output", "json"], options);
    if (code !== 0) throw new Error(`millrace ${args.join(" ")} ended with ${code}: ${stderr || stdout}`);
    try {
      return JSON.parse(stdout) as T;
    } catch {
      throw new Error(`millrace ${args.join(" ")} printed no JSON: ${stdout}`);
    }
  }
}

const inherited = (): Record<string, string> =>
  Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

/** Running a command to its end, with a deadline, and an error that shows what it said. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { User } from "./paths.ts";

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const SHOWN_LINES_MAX = 12;

export type CommandOptions = {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly user?: User | undefined;
  /** How many lines of its output an error shows. */
  readonly linesMax?: number;
};

/** Answers what the command printed; rejects with the last lines of what it printed when it fails or takes too long. */
export function runCommand(argv: readonly string[], options: CommandOptions): Promise<string> {
  const [file, ...args] = argv;
  return new Promise((settle, reject) => {
    execFile(
      file!,
      args,
      {
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.user === undefined ? {} : { uid: options.user.uid, gid: options.user.gid }),
        env: { ...basicEnvironment(), ...options.env },
        timeout: options.timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: OUTPUT_BYTES_MAX,
      },
      (error, stdout, stderr) => {
        if (error === null) return settle(stdout);
        const why = error.killed ? `took longer than ${options.timeoutMs} ms` : reason(error);
        reject(new Error(`${argv.slice(0, 2).join(" ")} ${why}${lastLines(`${stdout}\n${stderr}`, options.linesMax)}`));
      },
    );
  });
}

function reason(error: Error & { code?: unknown; signal?: unknown }): string {
  if (typeof error.code === "number") return `ended with ${error.code}`;
  if (error.signal !== null && error.signal !== undefined) return `was ended by ${String(error.signal)}`;
  return error.message;
}

export function lastLines(text: string, count = SHOWN_LINES_MAX): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines
    .slice(-count)
    .map((line) => `\n  ${line}`)
    .join("");
}

/** What every child gets of our environment: where programs are and how text is encoded, and nothing that could be secret. */
export function basicEnvironment(): Record<string, string> {
  const kept: Record<string, string> = { LC_ALL: "C.UTF-8" };
  for (const name of ["PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "NODE_COMPILE_CACHE"]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** The first executable of that name in PATH or in the further folders. */
export function findExecutable(name: string, furtherFolders: readonly string[] = []): string | undefined {
  return findExecutables(name, furtherFolders)[0];
}

export function findExecutables(name: string, furtherFolders: readonly string[] = []): string[] {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...furtherFolders].filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

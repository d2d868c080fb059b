import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { invalidFields } from "@millrace/errors";
import { SECRET_FILE_BYTES_MAX } from "./limits.ts";

/** What the command line has of its process; tests bring their own. */
export interface Terminal {
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  home: string;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

/** A secret typed without echo, or the first line of what is piped in. Throws `request_invalid` when there is none. */
export async function readSecret(terminal: Terminal, field: string): Promise<string> {
  const text = terminal.stdin.isTTY ? await ask(terminal, `${field}: `, false) : await readAll(terminal.stdin);
  return firstLine(text, field, "must be typed or piped in");
}

/**
 * The first line of a file, or of standard input for `-`. A file that `--save` wrote is an answer as JSON, of which the secret is
 * `member`.
 */
export async function readSecretFile(
  terminal: Terminal,
  path: string,
  { field, member }: { field: string; member: string },
): Promise<string> {
  const text = path === "-" ? await readAll(terminal.stdin) : readText(path, field);
  return firstLine(memberOf(text, member) ?? text, field, `holds no ${member} in ${path}`);
}

function memberOf(text: string, member: string): string | undefined {
  try {
    const value: unknown = Object(JSON.parse(text))[member];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Asks a question at a terminal. */
export function askLine(terminal: Terminal, prompt: string): Promise<string> {
  return ask(terminal, prompt, true);
}

export function readText(path: string, field: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalidFields([{ field, description: `names ${path}, which cannot be read (${code})` }]);
  }
}

/** Throws `request_invalid` when there is nothing at the path. */
export function existingPath(path: string, field: string): string {
  if (existsSync(path)) return path;
  throw invalidFields([{ field, description: `names ${path}, which does not exist` }]);
}

function firstLine(text: string, field: string, otherwise: string): string {
  const line = text.split(/\r?\n/, 1)[0]!.trim();
  if (line === "" || line.length > SECRET_FILE_BYTES_MAX) throw invalidFields([{ field, description: otherwise }]);
  return line;
}

function ask({ stdin, stderr }: Terminal, prompt: string, echo: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  stderr.write(prompt);
  const lines = createInterface({ input: stdin, output: echo ? stderr : silent, terminal: true });
  return new Promise((resolve) => {
    lines.once("line", (line) => {
      lines.close();
      if (!echo) stderr.write("\n");
      resolve(line);
    });
    lines.once("close", () => resolve(""));
  });
}

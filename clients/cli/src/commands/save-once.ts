import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { Option } from "commander";
import type { Context } from "../context.ts";
import type { Answer } from "../output/answer.ts";

// Secrets that the platform shows once: on standard output, or in a file that only its user reads.

export function saveOption(): Option {
  return new Option("--save <file>", "write the answer with its secret to a new file instead of showing it");
}

export interface SecretAnswer {
  json: unknown;
  text: string;
  secret: string;
}

/** Has a secret made, and shows or saves it. Its file is opened before: a secret that cannot be written would be lost. */
export async function saveOnce(
  { terminal }: Context,
  save: string | undefined,
  make: () => Promise<SecretAnswer>,
): Promise<Answer> {
  if (save === undefined) {
    const { json, text, secret } = await make();
    return { json, text: `${text}\n${secret}` };
  }
  const path = resolve(terminal.cwd, save);
  const file = openNew(path);
  try {
    const { json, text } = await make().catch((error: unknown) => {
      rmSync(path, { force: true });
      throw error;
    });
    writeFileSync(file, `${JSON.stringify(json, null, 2)}\n`);
    return { json: { saved: path }, text: `${text}\nsaved to ${path}` };
  } finally {
    closeSync(file);
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const description =
      code === "EEXIST" ? `${path} exists already; name a new file` : `${path} cannot be written (${code})`;
    throw invalidFields([{ field: "--save", description }]);
  }
}

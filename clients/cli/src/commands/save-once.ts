import { writeFileSync } from "node:fs";
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
  save: string | undefined;
  text: string;
  secret: string;
}

export function saveOnce({ terminal }: Context, json: unknown, { save, text, secret }: SecretAnswer): Answer {
  if (save === undefined) return { json, text: `${text}\n${secret}` };
  const file = resolve(terminal.cwd, save);
  try {
    writeFileSync(file, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalidFields([{ field: "--save", description: `${file} cannot be written (${code})` }]);
  }
  return { json: { saved: file }, text: `${text}\nsaved to ${file}` };
}

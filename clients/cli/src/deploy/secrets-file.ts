import { basename } from "node:path";
import { type FieldViolation, invalidFields } from "@millrace/errors";
import { readText } from "../terminal.ts";

/** Secrets from lines of `KEY=value`; `#` begins a comment line. Faults name file and line, never a value. */
export function readSecretsFile(file: string): Record<string, string> {
  const secrets: Record<string, string> = {};
  const faults: FieldViolation[] = [];
  for (const [index, line] of readText(file, "secretsFrom").split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^([A-Za-z][A-Za-z0-9_]*)=(.+)$/.exec(line);
    const field = `${basename(file)}:${index + 1}`;
    if (!match) faults.push({ field, description: "must be KEY=value" });
    else if (Object.hasOwn(secrets, match[1]!)) faults.push({ field, description: `gives ${match[1]} a second time` });
    else secrets[match[1]!] = match[2]!;
  }
  if (faults.length > 0) throw invalidFields(faults);
  return secrets;
}

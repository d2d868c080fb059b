import { resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import type { Algorithm } from "@millrace/signing";
import type { Context } from "../context.ts";
import { readSecret, readSecretFile, readText } from "../terminal.ts";

export type Credential =
  | { kind: "none" }
  | { kind: "signature"; algorithm: Algorithm; keyId: string; secret: string }
  | { kind: "subscription"; value: string };

export interface CredentialOptions {
  keyFile?: string;
  keyId?: string;
  secretFile?: string;
  apiKeyFile?: string;
  profile: Algorithm;
}

/** Secrets come from files, standard input or a prompt; never from the command line, which others can see. */
export async function readCredential({ terminal }: Context, options: CredentialOptions): Promise<Credential> {
  const { keyFile, keyId, secretFile, apiKeyFile, profile: algorithm } = options;
  const given = [keyFile, keyId, apiKeyFile].filter((value) => value !== undefined);
  if (given.length > 1)
    throw invalidFields([{ field: "--key-file", description: "is one of --key-file, --key-id and --api-key-file" }]);
  const pathOf = (path: string) => (path === "-" ? path : resolve(terminal.cwd, path));
  if (keyFile !== undefined) return parseKey(readText(pathOf(keyFile), "--key-file"), algorithm);
  if (apiKeyFile !== undefined)
    return {
      kind: "subscription",
      value: await readSecretFile(terminal, pathOf(apiKeyFile), { field: "--api-key-file", member: "value" }),
    };
  if (keyId === undefined) return { kind: "none" };
  const secret =
    secretFile === undefined
      ? await readSecret(terminal, "secret")
      : await readSecretFile(terminal, pathOf(secretFile), { field: "--secret-file", member: "secret" });
  return { kind: "signature", algorithm, keyId, secret };
}

/** What `millrace key create` answers, or `{keyId, secret}`. */
function parseKey(text: string, algorithm: Algorithm): Credential {
  const key = parseObject(text);
  const keyId = Object(key.accessKey).keyId ?? key.keyId;
  if (typeof key.value === "string") return { kind: "subscription", value: key.value };
  if (typeof keyId === "string" && typeof key.secret === "string")
    return { kind: "signature", algorithm, keyId, secret: key.secret };
  throw invalidFields([
    { field: "--key-file", description: "must be JSON as key create answers it, or {keyId, secret}" },
  ]);
}

export function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

import { readText } from "../terminal.ts";
import { packCode, type Upload } from "../uploads/pack-code.ts";
import type { Manifest, ManifestFunction, ManifestGroup } from "./manifest.ts";
import { readSecretsFile } from "./secrets-file.ts";

// A manifest with everything that it points at.

export interface Desired {
  /** `projects/{id}` */
  project: string;
  functions: DesiredFunction[];
  groups: DesiredGroup[];
}

export interface DesiredFunction extends Omit<ManifestFunction, "code" | "entry" | "secretsFrom"> {
  secrets: Record<string, string>;
  upload: Upload;
}

export interface DesiredGroup extends ManifestGroup {
  document: string;
}

export async function readDesired(manifest: Manifest, project: string): Promise<Desired> {
  const secretFiles = manifest.functions.flatMap(({ secretsFrom }) => secretsFrom ?? []);
  const functions: DesiredFunction[] = [];
  for (const { code, entry, secretsFrom, ...settings } of manifest.functions) {
    const upload = await packCode(code, { ...(entry !== undefined && { entry }), leaveOut: secretFiles });
    functions.push({ ...settings, secrets: secretsFrom === undefined ? {} : readSecretsFile(secretsFrom), upload });
  }
  const groups = manifest.groups.map((group) => ({ ...group, document: readText(group.openapi, "openapi") }));
  return { project, functions, groups };
}

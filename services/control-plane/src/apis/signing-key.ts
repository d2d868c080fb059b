import type { Violations } from "../requests/violations.ts";
import type { Backend } from "./api.ts";

// What http backends are signed with is auth's; a key of another project, or of none, would be found by callers only.

/** What backends ask of auth. */
export interface AccessKeys {
  /** Ids of a project's access keys, also of those that are disabled. */
  accessKeysOf(project: string): Promise<ReadonlySet<string>>;
}

/** Adds a fault for each backend, by the field that it stands in, that signs with what is no access key of the project. */
export async function checkSigningKeys(
  keys: AccessKeys,
  project: string,
  backends: readonly (readonly [at: string, backend: Backend | undefined])[],
  violations: Pick<Violations, "add">,
): Promise<void> {
  const signed = backends.flatMap(([at, backend]) =>
    backend?.kind === "http" && backend.signingKey !== "" ? [{ at, key: backend.signingKey }] : [],
  );
  if (signed.length === 0) return;
  const own = await keys.accessKeysOf(project);
  for (const { at, key } of signed) {
    if (!own.has(key)) violations.add(at, `project ${project} has no access key ${key}`);
  }
}

import { PlatformError } from "@millrace/errors";
import type { Environment } from "@millrace/names";

// A revision's number `n.n.n`, each n 0 to 999, is held as one number, so that the next one is the number plus one.

export interface Revision {
  label: string;
  number: number;
  note: string;
  /** The one it was copied from; undefined for the first. */
  base: number | undefined;
  /** Where it is served. */
  environments: readonly Environment[];
  apiCount: number;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
}

export const FIRST_REVISION = 1;
export const LAST_REVISION = 999_999_999;

/** `n.n.n` has been checked by its name's grammar. */
export function revisionNumber(text: string): number {
  const [major, minor, patch] = text.split(".").map(Number);
  return major! * 1_000_000 + minor! * 1_000 + patch!;
}

export function revisionText(number: number): string {
  return [Math.floor(number / 1_000_000), Math.floor(number / 1_000) % 1_000, number % 1_000].join(".");
}

/** Throws `failed_precondition` revision_deployed while the revision is served somewhere. */
export function checkEditable({ number, environments }: Pick<Revision, "number" | "environments">): void {
  if (environments.length === 0) return;
  const text = revisionText(number);
  const where = environments.join(", ");
  throw new PlatformError(
    "failed_precondition",
    `Revision ${text} is deployed in ${where}; create a new revision from it and change that, or take it offline there.`,
    { reason: "revision_deployed", metadata: { environments: environments.join(",") } },
  );
}

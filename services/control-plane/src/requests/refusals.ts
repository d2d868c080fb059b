import { PlatformError } from "@millrace/errors";
import { violatedConstraint } from "@millrace/sql";

// The refusals that every noun has.

export function notFound(noun: string, name: string): PlatformError {
  return new PlatformError("not_found", `There is no ${noun} ${name}.`, {
    reason: `${noun.replaceAll(" ", "_")}_not_found`,
  });
}

export function alreadyExists(noun: string, name: string): PlatformError {
  return new PlatformError("already_exists", `There is a ${noun} ${name} already.`, {
    reason: `${noun.replaceAll(" ", "_")}_exists`,
  });
}

/** Throws when one more would be more than a tenant may own. */
export function checkQuota(noun: string, owned: number, quota: number): void {
  if (owned < quota) return;
  throw new PlatformError(
    "resource_exhausted",
    `There are ${owned} ${noun} here; more than ${quota} are not allowed.`,
    {
      reason: `${noun.replaceAll(" ", "_")}_quota_exceeded`,
      metadata: { quota: String(quota) },
    },
  );
}

/** Runs an insert; when it meets the unique constraint, throws what `refusal` makes instead. */
export async function unlessTaken<T>(insert: Promise<T>, constraint: string, refusal: () => PlatformError): Promise<T> {
  try {
    return await insert;
  } catch (error) {
    throw violatedConstraint(error) === constraint ? refusal() : error;
  }
}

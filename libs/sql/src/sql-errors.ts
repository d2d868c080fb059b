import { PlatformError } from "@millrace/errors";

// The border to PostgreSQL's errors. What a stranger may see says nothing of tables, statements or addresses.

const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";
const UNIQUE_VIOLATION = "23505";
const QUERY_CANCELED = "57014";
/** Classes of states that mean the server cannot be used now: connection exceptions, resources, operator intervention. */
const UNAVAILABLE_CLASSES = new Set(["08", "53", "57"]);
/** The driver's own codes for a lost or refused connection. */
const UNAVAILABLE_CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Another try of the whole transaction may succeed. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED;
}

/** The name of the unique constraint that a statement ran into, or undefined. Stores turn it into their own `already_exists`. */
export function violatedConstraint(error: unknown): string | undefined {
  const cause = error instanceof PlatformError ? error.cause : error;
  return codeOf(cause) === UNIQUE_VIOLATION ? (cause as { constraint_name?: string }).constraint_name : undefined;
}

export function fromSqlError(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const code = codeOf(error);
  if (code === UNIQUE_VIOLATION) {
    return new PlatformError("already_exists", "It exists already.", { reason: "already_exists", cause: error });
  }
  if (code === QUERY_CANCELED) {
    return new PlatformError("deadline_exceeded", "The database took too long.", {
      reason: "database_slow",
      cause: error,
    });
  }
  if (code && (UNAVAILABLE_CODES.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || isRetryable(error))) {
    return new PlatformError("unavailable", "The database cannot be reached; try again.", {
      reason: "database_unavailable",
      cause: error,
    });
  }
  return PlatformError.from(error);
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}

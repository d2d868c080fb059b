import type { PlatformError } from "@millrace/errors";

/** What scripts can switch on. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, denied: 4, unavailable: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOf({ code, reason }: PlatformError): ExitCode {
  if (code === "invalid_argument" && reason === "request_invalid") return EXIT.usage;
  if (code === "not_found") return EXIT.notFound;
  if (code === "permission_denied" || code === "unauthenticated") return EXIT.denied;
  if (code === "unavailable" || code === "deadline_exceeded") return EXIT.unavailable;
  return EXIT.failed;
}

import { ERROR_CODES, PlatformError } from "@millrace/errors";
import { HttpRefusal } from "./http-refusal.ts";

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** RFC 9457. Nothing of an error but what its caller may see. */
export function problemOf(thrown: unknown, requestId: string): Problem {
  const error = PlatformError.from(thrown);
  const row = ERROR_CODES[error.code];
  const status = error instanceof HttpRefusal ? error.status : row.http;
  const body = {
    type: `urn:millrace:reason:${error.reason}`,
    title: row.title,
    status,
    detail: error.message,
    code: error.code,
    reason: error.reason,
    requestId,
    violations: error.violations,
    metadata: error.metadata,
  };
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(status === 401 && { "www-authenticate": 'Bearer realm="millrace"' }),
      ...(error instanceof HttpRefusal && error.headers),
    },
    body: `${JSON.stringify(body)}\n`,
  };
}

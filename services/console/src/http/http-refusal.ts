import { type ErrorCode, PlatformError, type PlatformErrorOptions } from "@millrace/errors";

/** A refusal whose HTTP status says more than the one of its code, e.g. 413. */
export class HttpRefusal extends PlatformError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: PlatformErrorOptions & { headers?: Record<string, string> },
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

export function routeNotFound(message: string): HttpRefusal {
  return new HttpRefusal(404, "not_found", message, { reason: "route_not_found" });
}

export function methodNotAllowed(allowed: string): HttpRefusal {
  return new HttpRefusal(405, "unimplemented", `Only ${allowed} is served here.`, {
    reason: "method_not_allowed",
    headers: { allow: allowed },
  });
}

export function bodyTooLarge(bytesMax: number): HttpRefusal {
  return new HttpRefusal(413, "invalid_argument", `body: must be at most ${bytesMax} bytes`, {
    reason: "body_too_large",
    violations: [{ field: "body", description: `must be at most ${bytesMax} bytes` }],
  });
}

export function bodyTimeout(): HttpRefusal {
  return new HttpRefusal(408, "deadline_exceeded", "The body did not arrive in time.", { reason: "body_timeout" });
}

import type { ErrorCode } from "./codes.ts";

/** One fault of a request: where it is and what would be right. */
export interface FieldViolation {
  /** Path of the field as in the proto or the document, e.g. `config.timeout_ms`. */
  field: string;
  description: string;
}

export interface PlatformErrorOptions {
  /** The stable, documented identity that clients switch on, e.g. `function_in_use`. */
  reason: string;
  /** For operators only: goes to logs, never to a caller. */
  internal?: string;
  /** Facts a program may want; callers see them. */
  metadata?: Record<string, string>;
  violations?: readonly FieldViolation[];
  cause?: unknown;
}

/** An error of the platform. `message` may be shown to strangers; `internal` and `cause` go to logs only. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly internal: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(code: ErrorCode, message: string, options: PlatformErrorOptions) {
    super(message, { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.internal = options.internal;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
  }

  /** The one normaliser: what is not a PlatformError becomes `internal`, and says nothing of itself to a caller. */
  static from(error: unknown): PlatformError {
    if (error instanceof PlatformError) return error;
    return new PlatformError("internal", "Something went wrong on our side.", { reason: "internal", cause: error });
  }
}

/** `invalid_argument` that names every failing field in one line. */
export function invalidFields(violations: readonly FieldViolation[]): PlatformError {
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new PlatformError("invalid_argument", message, { reason: "request_invalid", violations });
}

/** The messages of an error and its causes, outermost first, for a log line. */
export function causeChain(error: unknown): string[] {
  const chain: string[] = [];
  for (let current = error; current !== undefined && chain.length < 8; ) {
    if (!(current instanceof Error)) {
      chain.push(String(current));
      break;
    }
    const internal = current instanceof PlatformError ? current.internal : undefined;
    chain.push(internal ? `${current.message} (${internal})` : current.message);
    current = current.cause;
  }
  return chain;
}

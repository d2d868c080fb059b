import { PlatformError } from "@millrace/errors";
import type { HandlerShape } from "../functions/function.ts";
import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";

/** Code on its way to a builder. */
export interface Upload {
  bytes: Buffer;
  /** sha-256, hex. */
  digest: string;
  filename: string;
  /** Entry file of an archive; may be empty. */
  entry: string;
  /** Name of the export to call; empty for the default. */
  handler: string;
}

export interface Build {
  /** sha-256 (hex) of the artifact. */
  digest: string;
  sizeBytes: number;
  shape: HandlerShape;
  exports: readonly string[];
}

export interface Finding {
  file: string;
  line: number;
  column: number;
  message: string;
}

const FILENAME = /^[^/\\\p{Cc}]+\.(js|mjs|cjs|ts|mts|cts|zip)$/u;
const ENTRY = /^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\\\p{Cc}]+$/u;

export function checkSource(filename: string, entry: string): void {
  const violations = new Violations();
  const { filenameCharsMax } = LIMITS;
  violations.unless(
    FILENAME.test(filename) && filename.length <= filenameCharsMax,
    "header.filename",
    "must end in .js, .mjs, .cjs, .ts, .mts, .cts or .zip and have no folder",
  );
  violations.unless(
    entry === "" || (ENTRY.test(entry) && entry.length <= filenameCharsMax),
    "header.entry",
    "must be the path of a file inside the archive",
  );
  violations.unless(entry === "" || filename.endsWith(".zip"), "header.entry", "is for archives only");
  violations.throwIfAny();
}

/** What a builder refuses, as the error of the call. */
export function buildRefused(reason: string, findings: readonly Finding[]): PlatformError {
  const known = REFUSALS[reason];
  if (!known) {
    return new PlatformError("internal", "Something went wrong on our side.", {
      reason: "internal",
      internal: `a builder answered the unknown reason ${reason}`,
    });
  }
  const violations = findings.slice(0, LIMITS.findingsMax).map(({ file, line, column, message }) => ({
    field: line > 0 ? `${file}:${line}:${column}` : file,
    description: message,
  }));
  const details = violations.map(({ field, description }) => (field ? `${field}: ${description}` : description));
  return new PlatformError("invalid_argument", details.length > 0 ? details.join("; ") : known, { reason, violations });
}

const REFUSALS: Readonly<Record<string, string>> = {
  code_invalid: "The code cannot be bundled or loaded.",
  archive_refused: "The archive is refused.",
  upload_too_large: "The upload is too large.",
};

export function uploadTooLarge(): PlatformError {
  const mebibytes = LIMITS.uploadBytesMax / 1024 ** 2;
  return new PlatformError("invalid_argument", `The upload is over ${mebibytes} MiB.`, { reason: "upload_too_large" });
}

export function uploadTooSlow(): PlatformError {
  return new PlatformError("deadline_exceeded", "The upload took too long.", { reason: "upload_timeout" });
}

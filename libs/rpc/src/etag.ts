import { PlatformError } from "@millrace/errors";
import { noteCall } from "./call-record.ts";

/** The etag of a row's version counter. */
export function etagOf(version: number | string): string {
  return `"${version}"`;
}

/** Notes what the change finds. Throws `aborted` etag_mismatch when the client gave an etag and it is not the current one. */
export function checkEtag(given: string, current: string): void {
  noteCall({ before: current });
  if (given === "" || given === current) return;
  throw new PlatformError(
    "aborted",
    "etag: somebody changed this since you read it; read it again and repeat your change",
    {
      reason: "etag_mismatch",
    },
  );
}

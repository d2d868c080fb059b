import assert from "node:assert/strict";
import { type ErrorCode, PlatformError } from "@millrace/errors";

/** Checks that a call is refused with a code and a reason, and answers the error for more. */
export async function refused(call: Promise<unknown>, code: ErrorCode, reason: string): Promise<PlatformError> {
  const error = await call.then(
    (answer) => assert.fail(`answered ${JSON.stringify(answer)} instead of ${code} ${reason}`),
    (error: unknown) => error,
  );
  if (!(error instanceof PlatformError)) throw error;
  assert.deepEqual([error.code, error.reason], [code, reason], error.message);
  return error;
}

/** Checks that a call is refused for exactly these fields, in whatever order. */
export async function refusedFields(call: Promise<unknown>, fields: readonly string[]): Promise<void> {
  const error = await refused(call, "invalid_argument", "request_invalid");
  assert.deepEqual(error.violations.map(({ field }) => field).toSorted(), fields.toSorted(), error.message);
}

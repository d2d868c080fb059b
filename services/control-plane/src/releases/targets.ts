import type { Transaction } from "@millrace/sql";
import { findAlias } from "../functions/alias-store.ts";
import { holdFunctions } from "../functions/function-store.ts";
import { findVersion } from "../functions/version-store.ts";
import type { ReleaseTarget } from "./release.ts";
import { backendUnresolved } from "./resolve.ts";

/**
 * Throws `failed_precondition` backend_unresolved when an earlier release calls what has been deleted since. Holds what it found, so
 * that nothing is deleted until the transaction ends.
 */
export async function checkTargetsExist(tx: Transaction, targets: readonly ReleaseTarget[]): Promise<void> {
  await holdFunctions(
    tx,
    targets.map(({ functionUid }) => functionUid),
  );
  const missing: string[] = [];
  for (const { functionUid, qualifier } of targets) {
    const found = /^\d+$/.test(qualifier)
      ? await findVersion(tx, functionUid, Number(qualifier))
      : await findAlias(tx, functionUid, qualifier);
    if (!found) missing.push(`${functionUid}@${qualifier} was deleted since that release`);
  }
  if (missing.length > 0) throw backendUnresolved(missing);
}

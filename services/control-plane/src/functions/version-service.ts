import { PlatformError } from "@millrace/errors";
import { noteCall } from "@millrace/rpc";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { LIMITS, QUOTAS } from "../limits.ts";
import { markVersion } from "../projecting/marks.ts";
import { checkQuota, notFound } from "../requests/refusals.ts";
import { checkDescription, someOf } from "../requests/violations.ts";
import { aliasesOfVersion } from "./alias-store.ts";
import { codeFits, type FunctionDraft, type FunctionVersion } from "./function.ts";
import { getFunction, lockFunction, updateLatestVersion } from "./function-store.ts";
import { deploymentsUsing } from "./use-store.ts";
import * as store from "./version-store.ts";

export class VersionService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  /** Publishes the draft, or answers the newest version when nothing has changed since. */
  publish(project: string, id: string, description: string): Promise<FunctionVersion> {
    checkDescription(description);
    return inTransaction(this.#sql, async (tx) => {
      const version = await publishDraft(tx, await lockFunction(tx, project, id), description);
      noteCall({ after: `version ${version.number}` });
      return version;
    });
  }

  get(project: string, id: string, number: number): Promise<FunctionVersion> {
    return query(async () => {
      const { uid } = await getFunction(this.#sql, project, id);
      return store.getVersion(this.#sql, uid, number);
    });
  }

  list(project: string, id: string, before: number, limit: number): Promise<FunctionVersion[]> {
    return query(async () => {
      const { uid: functionUid } = await getFunction(this.#sql, project, id);
      return store.listVersions(this.#sql, { functionUid, before, limit });
    });
  }

  delete(project: string, id: string, number: number): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const { uid } = await lockFunction(tx, project, id);
      await store.getVersion(tx, uid, number);
      const aliases = await aliasesOfVersion(tx, uid, number);
      const deployments = await deploymentsUsing(tx, uid, String(number), LIMITS.namesInMessageMax + 1);
      if (aliases.length + deployments.length > 0) throw inUse(id, number, aliases, deployments);
      await store.deleteVersion(tx, uid, number);
      await markVersion(tx, uid, number);
    });
  }
}

/**
 * Publishes a locked draft as the next version; the newest version is the answer when it holds the same. Errors: `failed_precondition`
 * function_has_no_code; `resource_exhausted` versions_quota_exceeded.
 */
export async function publishDraft(
  tx: Transaction,
  draft: FunctionDraft,
  description: string,
): Promise<FunctionVersion> {
  checkRunnable(draft);
  const { uid: functionUid, latestVersion } = draft;
  if (await store.isDraftUnchanged(tx, functionUid, latestVersion)) {
    return store.getVersion(tx, functionUid, latestVersion);
  }
  checkQuota("versions", await store.countVersions(tx, functionUid), QUOTAS.versionsPerFunction);
  const number = latestVersion + 1;
  await store.insertVersion(tx, { functionUid, number, description });
  await updateLatestVersion(tx, functionUid, number);
  await markVersion(tx, functionUid, number);
  return store.getVersion(tx, functionUid, number);
}

/** Throws `not_found` version_not_found unless the function has all of the versions. */
export async function checkVersionsExist(
  tx: Transaction,
  functionUid: string,
  numbers: readonly number[],
): Promise<void> {
  for (const number of numbers) {
    if (!(await store.findVersion(tx, functionUid, number))) throw notFound("version", String(number));
  }
}

/** Throws `failed_precondition` function_has_no_code. */
export function checkRunnable({ id, config, code }: FunctionDraft): void {
  if (code && codeFits(config, code)) return;
  const message = code
    ? `The code of function ${id} was tried with the handler "${code.handler}", not "${config.handler}"; upload it again.`
    : `Function ${id} has no code; upload it first.`;
  throw new PlatformError("failed_precondition", message, { reason: "function_has_no_code" });
}

function inUse(id: string, number: number, aliases: readonly string[], deployments: readonly string[]): PlatformError {
  const users = [
    ...(aliases.length > 0 ? [`aliases ${someOf(aliases)}`] : []),
    ...(deployments.length > 0 ? [`deployments ${someOf(deployments)}`] : []),
  ].join("; ");
  return new PlatformError("failed_precondition", `Version ${number} of function ${id} is used by ${users}.`, {
    reason: "version_in_use",
  });
}

import { PlatformError } from "@millrace/errors";
import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { insertAliasMoves } from "../deployments/event-store.ts";
import { LIMITS, QUOTAS } from "../limits.ts";
import { markAlias } from "../projecting/marks.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkDescription, someOf } from "../requests/violations.ts";
import { type Alias, type AliasTarget, checkMinInstances, checkTargets, describeTargets } from "./alias.ts";
import * as store from "./alias-store.ts";
import { getFunction, lockFunction } from "./function-store.ts";
import { deploymentsUsing } from "./use-store.ts";
import { checkVersionsExist } from "./version-service.ts";

/** What is undefined, and targets that are empty, stay as they are. */
interface AliasChange {
  id: string;
  description: string | undefined;
  targets: readonly AliasTarget[];
  minInstances: number | undefined;
}

export class AliasService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  create(
    project: string,
    functionId: string,
    alias: Pick<Alias, "id" | "description" | "targets" | "minInstances">,
    once: IdempotentRequest,
  ): Promise<Alias> {
    const { id, description, targets, minInstances } = alias;
    checkDescription(description);
    checkTargets(targets);
    checkMinInstances(minInstances);
    return inTransaction(this.#sql, async (tx) => {
      const { uid: functionUid } = await lockFunction(tx, project, functionId);
      const { resource } = await createOnce(tx, once, async () => {
        const owned = await store.aliasIds(tx, functionUid);
        checkQuota("aliases", owned.length, QUOTAS.aliasesPerFunction);
        await checkVersionsExist(tx, functionUid, versionsOf(targets));
        await store.insertAlias(tx, { functionUid, id, description, targets, minInstances });
        await markAlias(tx, functionUid, id);
        return id;
      });
      return store.getAlias(tx, functionUid, resource);
    });
  }

  get(project: string, functionId: string, id: string): Promise<Alias> {
    return query(async () => {
      const { uid } = await getFunction(this.#sql, project, functionId);
      return store.getAlias(this.#sql, uid, id);
    });
  }

  list(project: string, functionId: string, after: string, limit: number): Promise<Alias[]> {
    return query(async () => {
      const { uid: functionUid } = await getFunction(this.#sql, project, functionId);
      return store.listAliases(this.#sql, { functionUid, after, limit });
    });
  }

  /** Moves the alias when `targets` are given; what is served follows, and the move is in the history of the deployments that use it. */
  update(
    project: string,
    functionId: string,
    change: AliasChange,
    { etag, author }: { etag: string; author: string },
  ): Promise<Alias> {
    const { id, description, targets, minInstances } = change;
    checkDescription(description);
    if (minInstances !== undefined) checkMinInstances(minInstances);
    if (targets.length > 0) checkTargets(targets);
    return inTransaction(this.#sql, async (tx) => {
      const { uid: functionUid } = await lockFunction(tx, project, functionId);
      const alias = await store.getAlias(tx, functionUid, id);
      checkEtag(etag, etagOf(alias.version));
      const moves = targets.length > 0 && describeTargets(targets) !== describeTargets(alias.targets);
      const next = {
        functionUid,
        id,
        description: description ?? alias.description,
        targets: moves ? targets : alias.targets,
        minInstances: minInstances ?? alias.minInstances,
      };
      await checkVersionsExist(tx, functionUid, versionsOf(next.targets));
      await store.updateAlias(tx, next);
      if (moves) {
        const detail = `${functionId}@${id} to ${describeTargets(targets)}`;
        await insertAliasMoves(tx, { functionUid, alias: id, detail, author });
      }
      await markAlias(tx, functionUid, id);
      return store.getAlias(tx, functionUid, id);
    });
  }

  delete(project: string, functionId: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const { uid } = await lockFunction(tx, project, functionId);
      const alias = await store.getAlias(tx, uid, id);
      checkEtag(etag, etagOf(alias.version));
      const deployments = await deploymentsUsing(tx, uid, id, LIMITS.namesInMessageMax + 1);
      if (deployments.length > 0) {
        const message = `Alias ${id} of function ${functionId} is used by deployments ${someOf(deployments)}.`;
        throw new PlatformError("failed_precondition", message, { reason: "alias_in_use" });
      }
      await store.deleteAlias(tx, uid, id);
      await markAlias(tx, uid, id);
    });
  }
}

function versionsOf(targets: readonly AliasTarget[]): number[] {
  return targets.map(({ version }) => version);
}

import { PlatformError } from "@millrace/errors";
import { randomLabel } from "@millrace/names";
import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { LIMITS, QUOTAS } from "../limits.ts";
import { markFunction } from "../projecting/marks.ts";
import { getProject, lockProject } from "../projects/project-store.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkDescription, checkSearch, someOf } from "../requests/violations.ts";
import type { FunctionDraft } from "./function.ts";
import { type AskedConfig, checkConfig, NO_CONFIG, settledConfig, settledVersionsKept } from "./function-config.ts";
import * as store from "./function-store.ts";
import { apisUsing, deploymentsUsing } from "./use-store.ts";

/** Makes a secret readable by runners only. */
export type Seal = (context: string, value: string) => Buffer;

export class FunctionService {
  readonly #sql: Sql;
  readonly #seal: Seal;

  constructor(deps: { sql: Sql; seal: Seal }) {
    this.#sql = deps.sql;
    this.#seal = deps.seal;
  }

  create(
    project: string,
    id: string,
    asked: { description: string; config: AskedConfig | undefined; versionsKept: number | undefined },
    once: IdempotentRequest,
  ): Promise<FunctionDraft> {
    const { description, config = NO_CONFIG } = asked;
    checkDescription(description);
    checkConfig(config, []);
    const versionsKept = settledVersionsKept(asked.versionsKept ?? 0);
    return inTransaction(this.#sql, async (tx) => {
      const { resource } = await createOnce(tx, once, async () => {
        await lockProject(tx, project);
        checkQuota("functions", await store.countFunctions(tx, project), QUOTAS.functionsPerProject);
        const uid = `fn-${randomLabel(12)}`;
        const settled = settledConfig(config, {}, this.#sealerOf(uid));
        await store.insertFunction(tx, { uid, project, id, description, config: settled, versionsKept });
        return id;
      });
      return store.getFunction(tx, project, resource);
    });
  }

  get(project: string, id: string): Promise<FunctionDraft> {
    return query(() => store.getFunction(this.#sql, project, id));
  }

  list(project: string, search: string, after: string, limit: number): Promise<FunctionDraft[]> {
    checkSearch(search);
    return query(async () => {
      await getProject(this.#sql, project);
      return store.listFunctions(this.#sql, { project, search, after, limit });
    });
  }

  update(
    project: string,
    id: string,
    {
      description,
      config,
      versionsKept,
    }: { description: string | undefined; config: AskedConfig | undefined; versionsKept: number | undefined },
    etag: string,
  ): Promise<FunctionDraft> {
    checkDescription(description);
    return inTransaction(this.#sql, async (tx) => {
      const draft = await store.lockFunction(tx, project, id);
      checkEtag(etag, etagOf(draft.version));
      const kept = draft.config.sealedSecrets;
      if (config) checkConfig(config, Object.keys(kept));
      await store.updateFunction(tx, {
        uid: draft.uid,
        description: description ?? draft.description,
        config: config ? settledConfig(config, kept, this.#sealerOf(draft.uid)) : draft.config,
        versionsKept: versionsKept === undefined ? draft.versionsKept : settledVersionsKept(versionsKept),
      });
      return store.getFunction(tx, project, id);
    });
  }

  /** Deletes it with its versions and aliases, unless something uses it. */
  delete(project: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const draft = await store.lockFunction(tx, project, id);
      checkEtag(etag, etagOf(draft.version));
      const limit = LIMITS.namesInMessageMax + 1;
      const apis = await apisUsing(tx, draft.uid, limit);
      const deployments = await deploymentsUsing(tx, draft.uid, undefined, limit);
      if (apis.length + deployments.length > 0) throw inUse(id, apis, deployments);
      await markFunction(tx, draft.uid);
      await store.deleteFunction(tx, draft.uid);
    });
  }

  #sealerOf(uid: string) {
    return (key: string, value: string) => this.#seal(`function-secret|${uid}|${key}`, value).toString("base64");
  }
}

function inUse(id: string, apis: readonly string[], deployments: readonly string[]): PlatformError {
  const users = [
    ...(apis.length > 0 ? [`APIs ${someOf(apis)}`] : []),
    ...(deployments.length > 0 ? [`deployments ${someOf(deployments)}`] : []),
  ].join("; ");
  return new PlatformError("failed_precondition", `Function ${id} is used by ${users}.`, {
    reason: "function_in_use",
  });
}

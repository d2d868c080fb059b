import { PlatformError } from "@millrace/errors";
import type { Environment } from "@millrace/names";
import { formatName } from "@millrace/names";
import { checkEtag, etagOf } from "@millrace/rpc";
import { inTransaction, query, type Sql } from "@millrace/sql";
import { getGroup } from "../groups/group-store.ts";
import { markDeployments } from "../projecting/marks.ts";
import { notFound } from "../requests/refusals.ts";
import { checkReleased, type Deployment } from "./deployment.ts";
import * as store from "./deployment-store.ts";
import { insertEvent } from "./event-store.ts";
import { type HistoryEntry, type HistoryPlace, listHistory } from "./history-store.ts";

/** What is wrong with one deployment, and not with the platform. */
const REFUSALS: ReadonlySet<string> = new Set(["not_found", "failed_precondition"]);

export interface DeploymentIds {
  project: string;
  group: string;
  environment: string;
}

export class DeploymentService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  get(ids: DeploymentIds): Promise<Deployment> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, ids.project, ids.group);
      return store.getDeployment(this.#sql, { label, environment: ids.environment as Environment });
    });
  }

  /** As get; what is missing is a deployment, not its group. */
  lookUp(ids: DeploymentIds): Promise<Deployment> {
    return this.get(ids).catch((error: unknown) => {
      const reason = (error as { reason?: string }).reason;
      throw reason === "group_not_found" ? notFound("deployment", formatName("deployment", ids)) : error;
    });
  }

  list(project: string, group: string): Promise<Deployment[]> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, project, group);
      return store.deploymentsOf(this.#sql, label);
    });
  }

  takeOffline(ids: DeploymentIds, by: { etag: string; author: string }): Promise<Deployment> {
    return this.#become("offline", ids, by);
  }

  /** Serves the newest release again. */
  bringOnline(ids: DeploymentIds, by: { etag: string; author: string }): Promise<Deployment> {
    return this.#become("serving", ids, by);
  }

  /** Each by itself; answers what was refused, by name. */
  async takeManyOffline(many: readonly DeploymentIds[], author: string): Promise<(PlatformError | undefined)[]> {
    const refusals: (PlatformError | undefined)[] = [];
    for (const ids of many) {
      const refusal = await this.takeOffline(ids, { etag: "", author }).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof PlatformError && REFUSALS.has(error.code)) return error;
          throw error;
        },
      );
      refusals.push(refusal);
    }
    return refusals;
  }

  history(ids: DeploymentIds, before: HistoryPlace, limit: number): Promise<HistoryEntry[]> {
    return query(async () => listHistory(this.#sql, await this.get(ids), { before, limit }));
  }

  #become(
    state: "serving" | "offline",
    ids: DeploymentIds,
    { etag, author }: { etag: string; author: string },
  ): Promise<Deployment> {
    return inTransaction(this.#sql, async (tx) => {
      const { label } = await getGroup(tx, ids.project, ids.group);
      const deployment = await store.lockDeployment(tx, { label, environment: ids.environment as Environment });
      checkEtag(etag, etagOf(deployment.version));
      checkReleased(deployment);
      if (deployment.state === state) return deployment;
      await store.updateState(tx, deployment, state);
      await insertEvent(tx, deployment, { kind: state === "offline" ? "offline" : "online", author });
      await markDeployments(tx, [deployment]);
      return store.getDeployment(tx, deployment);
    });
  }
}

import { query, type Sql } from "@millrace/sql";
import { getFunction } from "./function-store.ts";
import {
  type ApiPlace,
  type ApiUse,
  type DeploymentPlace,
  type DeploymentUse,
  listApis,
  listDeployments,
} from "./use-store.ts";

/** Who uses a function. */
export class UseService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  apis(project: string, id: string, after: ApiPlace, limit: number): Promise<ApiUse[]> {
    return query(async () => {
      const { uid } = await getFunction(this.#sql, project, id);
      return listApis(this.#sql, uid, { after, limit });
    });
  }

  deployments(project: string, id: string, after: DeploymentPlace, limit: number): Promise<DeploymentUse[]> {
    return query(async () => {
      const { uid } = await getFunction(this.#sql, project, id);
      return listDeployments(this.#sql, uid, { after, limit });
    });
  }
}

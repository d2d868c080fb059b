import { formatName, parseName } from "@millrace/names";
import { markKeys } from "@millrace/projection";
import { noteCall } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { QUOTAS } from "../limits.ts";
import { lockProject } from "../members/project-store.ts";
import { authorizationMark } from "../projecting/grant-keys.ts";
import type { Page } from "../request-check.ts";
import {
  type AuthorizationRow,
  authorizationExists,
  authorizationNotFound,
  authorizationQuota,
  type Deployment,
  deploymentChanged,
  keyNotFound,
} from "./authorization.ts";
import {
  countAuthorizations,
  deleteAuthorization,
  deleteAuthorizationsOfGroup,
  deleteFormerAuthorizations,
  findAuthorization,
  insertAuthorization,
  listAuthorizations,
  listCallable,
  lockKeyKind,
} from "./authorization-store.ts";
import type { DeploymentLookup } from "./deployment-client.ts";

export interface AuthorizationServiceDeps {
  sql: Sql;
  now: () => Date;
  deployments: DeploymentLookup;
}

export class AuthorizationService {
  readonly #deps: AuthorizationServiceDeps;

  constructor(deps: AuthorizationServiceDeps) {
    this.#deps = deps;
  }

  /**
   * The key may be of any project. Errors: `not_found` deployment_not_found and key_not_found, `already_exists` authorization_exists,
   * `resource_exhausted` authorization_quota, `aborted` deployment_changed, `unavailable` control_plane_unavailable.
   */
  async create(
    deployment: Deployment,
    keyId: string,
    note: string,
    request: IdempotentRequest,
  ): Promise<AuthorizationRow> {
    const { sql, now, deployments } = this.#deps;
    noteCall({ object: formatName("authorization", { ...deployment, key: keyId }) });
    const hostLabel = await deployments.hostLabelOf(formatName("deployment", deployment));
    return inTransaction(sql, async (tx) => {
      const { resource } = await createOnce(tx, request, async () => {
        await lockProject(tx, deployment.project);
        const keyKind = await lockKeyKind(tx, keyId);
        if (!keyKind) throw keyNotFound(keyId);
        const { project: projectId, group: groupId, environment } = deployment;
        const row = { projectId, groupId, environment, keyId, keyKind, note, createdAt: now(), hostLabel };
        const former = await deleteFormerAuthorizations(tx, deployment, hostLabel);
        if (former.length > 0) await this.#confirm(deployment, hostLabel);
        if (!(await insertAuthorization(tx, row))) throw authorizationExists(keyId);
        if ((await countAuthorizations(tx, deployment)) > QUOTAS.authorizationsPerDeployment)
          throw authorizationQuota();
        await markKeys(tx, [...former, { hostLabel, keyId }].map(authorizationMark));
        return formatName("authorization", { ...deployment, key: keyId });
      });
      const { key } = parseName("authorization", resource);
      const row = await findAuthorization(tx, deployment, key);
      if (!row) throw authorizationNotFound(key);
      return row;
    });
  }

  list(deployment: Deployment, page: Page): Promise<AuthorizationRow[]> {
    return query(() => listAuthorizations(this.#deps.sql, deployment, page));
  }

  listCallable(projectId: string, page: Page): Promise<AuthorizationRow[]> {
    return query(() => listCallable(this.#deps.sql, projectId, page));
  }

  /** Errors: `not_found` authorization_not_found. */
  async delete(deployment: Deployment, keyId: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      const grant = await deleteAuthorization(tx, deployment, keyId);
      if (!grant) throw authorizationNotFound(keyId);
      await markKeys(tx, [authorizationMark(grant)]);
    });
  }

  /** Which of two labels is the former one, only control-plane knows. */
  async #confirm(deployment: Deployment, hostLabel: string): Promise<void> {
    const current = await this.#deps.deployments.hostLabelOf(formatName("deployment", deployment));
    if (current !== hostLabel) throw deploymentChanged();
  }

  async forgetGroup(projectId: string, groupId: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      const grants = await deleteAuthorizationsOfGroup(tx, projectId, groupId);
      await markKeys(tx, grants.map(authorizationMark));
    });
  }
}

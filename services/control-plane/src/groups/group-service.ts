import { PlatformError } from "@millrace/errors";
import { ENVIRONMENTS, formatName, randomLabel } from "@millrace/names";
import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import {
  deploymentsOf,
  insertDeployments,
  raiseGenerations,
  retireSnapshotsOf,
} from "../deployments/deployment-store.ts";
import { unbindDomains } from "../domains/domain-store.ts";
import { QUOTAS } from "../limits.ts";
import { markDeployments, markDomains } from "../projecting/marks.ts";
import { getProject, lockProject } from "../projects/project-store.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkSearch } from "../requests/violations.ts";
import { FIRST_REVISION } from "../revisions/revision.ts";
import { insertRevision } from "../revisions/revision-store.ts";
import { type AccessMode, checkGroup, type Group, type GroupFilter } from "./group.ts";
import * as store from "./group-store.ts";

/** What a group asks of auth. */
export interface GroupAuthorizations {
  /** Forgets the authorisations of the group's deployments. Idempotent. */
  forgetGroup(name: string): Promise<void>;
}

const LABEL_CHARS = 12;

export class GroupService {
  readonly #sql: Sql;
  readonly #authorizations: GroupAuthorizations;

  constructor(deps: { sql: Sql; authorizations: GroupAuthorizations }) {
    this.#sql = deps.sql;
    this.#authorizations = deps.authorizations;
  }

  /** Makes a group with its first revision and its three deployments. */
  create(
    project: string,
    group: { id: string; description: string; prefix: string; access: AccessMode },
    once: IdempotentRequest,
  ): Promise<Group> {
    checkGroup(group);
    return inTransaction(this.#sql, async (tx) => {
      const { resource } = await createOnce(tx, once, async () => {
        await lockProject(tx, project);
        checkQuota("groups", await store.countGroups(tx, project), QUOTAS.groupsPerProject);
        const label = randomLabel(LABEL_CHARS);
        await store.insertGroup(tx, { ...group, project, label });
        await insertRevision(tx, { label, number: FIRST_REVISION, base: undefined, note: "" });
        await insertDeployments(tx, label, ENVIRONMENTS);
        return group.id;
      });
      return store.getGroup(tx, project, resource);
    });
  }

  get(project: string, id: string): Promise<Group> {
    return query(() => store.getGroup(this.#sql, project, id));
  }

  list(project: string, filter: GroupFilter, after: string, limit: number): Promise<Group[]> {
    checkSearch(filter.search);
    return query(async () => {
      await getProject(this.#sql, project);
      return store.listGroups(this.#sql, { project, filter, after, limit });
    });
  }

  /** A new access mode is told to gateways at once; the prefix goes with the next release. */
  update(
    project: string,
    id: string,
    change: { description: string | undefined; prefix: string | undefined; access: AccessMode | undefined },
    etag: string,
  ): Promise<Group> {
    return inTransaction(this.#sql, async (tx) => {
      const group = await store.lockGroup(tx, project, id);
      checkEtag(etag, etagOf(group.version));
      const next = {
        label: group.label,
        description: change.description ?? group.description,
        prefix: change.prefix ?? group.prefix,
        access: change.access ?? group.access,
      };
      checkGroup(next);
      await store.updateGroup(tx, next);
      if (next.access !== group.access) await markDeployments(tx, await raiseGenerations(tx, group.label));
      return store.getGroup(tx, project, id);
    });
  }

  /** Deletes it with everything in it, unless it is served somewhere. */
  delete(project: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const group = await store.lockGroup(tx, project, id);
      checkEtag(etag, etagOf(group.version));
      const deployments = await deploymentsOf(tx, group.label);
      const serving = deployments.filter(({ state }) => state === "serving");
      if (serving.length > 0) {
        throw deployed(
          id,
          serving.map(({ environment }) => environment),
        );
      }
      await retireSnapshotsOf(tx, group.label);
      await markDomains(tx, await unbindDomains(tx, group.label));
      await markDeployments(
        tx,
        deployments.filter(({ state }) => state !== "unreleased"),
      );
      await store.deleteGroup(tx, group.label);
      await this.#authorizations.forgetGroup(formatName("group", { project, group: id }));
    });
  }
}

function deployed(id: string, environments: readonly string[]): PlatformError {
  const message = `Group ${id} is deployed in ${environments.join(", ")}; take it offline there first.`;
  return new PlatformError("failed_precondition", message, { reason: "group_deployed" });
}

import { PlatformError } from "@millrace/errors";
import { checkEtag, etagOf, type Person } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import { provedHosts } from "../domains/domain-store.ts";
import { QUOTAS } from "../limits.ts";
import { markDomains } from "../projecting/marks.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkDisplayName, type Project } from "./project.ts";
import * as store from "./project-store.ts";
import { type QuotaUse, usedQuotas } from "./quota-store.ts";

/** What a project asks of auth. */
export interface Members {
  /** Idempotent. */
  grantOwner(project: string, person: string): Promise<void>;
  /** Forgets members, keys and authorisations. Idempotent. */
  forgetProject(project: string): Promise<void>;
}

export class ProjectService {
  readonly #sql: Sql;
  readonly #members: Members;
  readonly #onMemberChange: (person: string) => void;

  /** `onMemberChange` hears whose memberships are no longer what was remembered of them. */
  constructor(deps: { sql: Sql; members: Members; onMemberChange: (person: string) => void }) {
    this.#sql = deps.sql;
    this.#members = deps.members;
    this.#onMemberChange = deps.onMemberChange;
  }

  /**
   * Makes a project whose owner is `person`. The id is held by the uncommitted row while auth is asked, so that of two who want it only
   * one becomes its owner; what an interrupted attempt has left at auth is forgotten first.
   */
  async create(id: string, displayName: string, person: Person, once: IdempotentRequest): Promise<Project> {
    checkDisplayName(displayName);
    const project = await inTransaction(this.#sql, async (tx) => {
      const { resource } = await createOnce(tx, once, async () => {
        checkQuota("projects", await store.countProjects(tx), QUOTAS.projects);
        await store.insertProject(tx, id, displayName);
        await this.#members.forgetProject(id);
        await this.#members.grantOwner(id, person.name);
        return id;
      });
      return store.getProject(tx, resource);
    });
    this.#onMemberChange(person.name);
    return project;
  }

  quotas(id: string): Promise<QuotaUse[]> {
    return query(async () => {
      await store.getProject(this.#sql, id);
      return usedQuotas(this.#sql, id);
    });
  }

  get(id: string): Promise<Project> {
    return query(() => store.getProject(this.#sql, id));
  }

  /** Those that the person is a member of; an operator sees all. */
  list(person: Person, after: string, limit: number): Promise<Project[]> {
    const among = person.operator ? undefined : [...person.memberships.keys()];
    return query(() => store.listProjects(this.#sql, { among, after, limit }));
  }

  update(id: string, displayName: string | undefined, etag: string): Promise<Project> {
    checkDisplayName(displayName ?? "");
    return inTransaction(this.#sql, async (tx) => {
      const project = await store.lockProject(tx, id);
      checkEtag(etag, etagOf(project.version));
      if (displayName !== undefined) await store.updateProject(tx, id, displayName);
      return store.getProject(tx, id);
    });
  }

  delete(id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const project = await store.lockProject(tx, id);
      checkEtag(etag, etagOf(project.version));
      const { functions, groups } = await store.countOwned(tx, id);
      if (functions + groups > 0) throw notEmpty(id, functions, groups);
      await markDomains(tx, await provedHosts(tx, id));
      await store.deleteProject(tx, id);
      await this.#members.forgetProject(id);
    });
  }
}

function notEmpty(id: string, functions: number, groups: number): PlatformError {
  const left = [
    ...(functions > 0 ? [`${functions} functions`] : []),
    ...(groups > 0 ? [`${groups} API groups`] : []),
  ].join(" and ");
  return new PlatformError("failed_precondition", `Project ${id} still has ${left}; delete them first.`, {
    reason: "project_not_empty",
  });
}

import { invalidFields, PlatformError } from "@millrace/errors";
import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql } from "@millrace/sql";
import type { ApiDefinition } from "../apis/api.ts";
import { listAllApis } from "../apis/api-store.ts";
import { type ApiDifference, differencesOf } from "../apis/difference.ts";
import { getGroup, lockGroup } from "../groups/group-store.ts";
import { QUOTAS } from "../limits.ts";
import { checkQuota } from "../requests/refusals.ts";
import { checkDescription } from "../requests/violations.ts";
import { checkEditable, LAST_REVISION, type Revision, revisionNumber, revisionText } from "./revision.ts";
import * as store from "./revision-store.ts";

export interface RevisionDifference {
  base: number;
  apis: readonly ApiDifference[];
}

export class RevisionService {
  readonly #sql: Sql;

  constructor(deps: { sql: Sql }) {
    this.#sql = deps.sql;
  }

  /** Copies a revision, by default the newest (the highest number), under a new number, by default the one after the newest. */
  create(
    project: string,
    groupId: string,
    asked: { id: string; base: string; note: string },
    once: IdempotentRequest,
  ): Promise<Revision> {
    checkDescription(asked.note, "note");
    return inTransaction(this.#sql, async (tx) => {
      const { label } = await lockGroup(tx, project, groupId);
      const { resource } = await createOnce(tx, once, async () => {
        checkQuota("revisions", await store.countRevisions(tx, label), QUOTAS.revisionsPerGroup);
        const newest = await store.newestRevision(tx, label);
        const number = asked.id === "" ? successorOf(newest ?? 0) : revisionNumber(asked.id);
        const base = asked.base === "" ? newest : revisionNumber(asked.base);
        if (base !== undefined) await store.getRevision(tx, label, base);
        await store.insertRevision(tx, { label, number, base, note: asked.note });
        if (base !== undefined) await store.copyApis(tx, label, base, number);
        return String(number);
      });
      return store.getRevision(tx, label, Number(resource));
    });
  }

  get(project: string, groupId: string, id: string): Promise<Revision> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, project, groupId);
      return store.getRevision(this.#sql, label, revisionNumber(id));
    });
  }

  list(project: string, groupId: string, before: number, limit: number): Promise<Revision[]> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, project, groupId);
      return store.listRevisions(this.#sql, { label, before, limit });
    });
  }

  /** How a revision differs from another, by default from the one that it was copied from. */
  diff(project: string, groupId: string, id: string, base: string): Promise<RevisionDifference> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, project, groupId);
      const newer = await store.getRevision(this.#sql, label, revisionNumber(id));
      const from = base === "" ? newer.base : revisionNumber(base);
      if (from === undefined) throw baseRequired(id);
      const older = await store.getRevision(this.#sql, label, from);
      const [before, after] = [await this.#definitionsOf(older), await this.#definitionsOf(newer)];
      return { base: from, apis: differencesOf(before, after) };
    });
  }

  async #definitionsOf(revision: Revision): Promise<Map<string, ApiDefinition>> {
    const apis = await listAllApis(this.#sql, revision);
    return new Map(apis.map(({ id, definition }) => [id, definition]));
  }

  updateNote(
    project: string,
    groupId: string,
    id: string,
    change: { note: string | undefined; etag: string },
  ): Promise<Revision> {
    checkDescription(change.note, "note");
    return inTransaction(this.#sql, async (tx) => {
      const { label } = await getGroup(tx, project, groupId);
      const revision = await store.lockRevision(tx, label, revisionNumber(id));
      checkEtag(change.etag, etagOf(revision.version));
      if (change.note !== undefined) await store.updateNote(tx, label, revision.number, change.note);
      return store.getRevision(tx, label, revision.number);
    });
  }

  delete(project: string, groupId: string, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const { label } = await lockGroup(tx, project, groupId);
      const revision = await store.lockRevision(tx, label, revisionNumber(id));
      checkEtag(etag, etagOf(revision.version));
      checkEditable(revision);
      if ((await store.countRevisions(tx, label)) === 1) throw onlyRevision(revision.number);
      await store.deleteRevision(tx, label, revision.number);
    });
  }
}

function baseRequired(id: string): PlatformError {
  return invalidFields([{ field: "base", description: `is required: revision ${id} was copied from none` }]);
}

function successorOf(newest: number): number {
  if (newest < LAST_REVISION) return newest + 1;
  throw invalidFields([{ field: "revision_id", description: "is required: 999.999.999 has no successor" }]);
}

function onlyRevision(number: number): PlatformError {
  return new PlatformError("failed_precondition", `Revision ${revisionText(number)} is the group's only one.`, {
    reason: "revision_is_last",
  });
}

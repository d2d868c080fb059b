import { PlatformError } from "@millrace/errors";
import { randomLabel } from "@millrace/names";
import { checkEtag, etagOf } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { getGroup } from "../groups/group-store.ts";
import { QUOTAS } from "../limits.ts";
import { checkQuota } from "../requests/refusals.ts";
import { Violations } from "../requests/violations.ts";
import { checkEditable, type Revision, revisionNumber } from "../revisions/revision.ts";
import { getRevision, lockRevision } from "../revisions/revision-store.ts";
import type { Api, ApiDefinition } from "./api.ts";
import { type ApiDraft, readDefinition } from "./api-draft.ts";
import * as store from "./api-store.ts";
import { describeRoute, routeOf } from "./route.ts";
import { placedSchemas, type SchemaChecker } from "./schema-checker.ts";
import { type AccessKeys, checkSigningKeys } from "./signing-key.ts";

/** Where an API is. */
export interface RevisionIds {
  project: string;
  group: string;
  /** `n.n.n` */
  revision: string;
}

export class ApiService {
  readonly #sql: Sql;
  readonly #schemas: SchemaChecker;
  readonly #keys: AccessKeys;

  constructor(deps: { sql: Sql; schemas: SchemaChecker; keys: AccessKeys }) {
    this.#sql = deps.sql;
    this.#schemas = deps.schemas;
    this.#keys = deps.keys;
  }

  async create(ids: RevisionIds, id: string, draft: ApiDraft, once: IdempotentRequest): Promise<Api> {
    await this.#check(ids.project, draft);
    return inTransaction(this.#sql, async (tx) => {
      const revision = await lockOf(tx, ids);
      const { resource } = await createOnce(tx, once, async () => {
        const settled = await settle(tx, ids.project, draft);
        checkEditable(revision);
        checkQuota("apis", revision.apiCount, QUOTAS.apisPerRevision);
        await checkRoute(tx, revision, id, settled.definition);
        await store.insertApi(tx, revision, { id, uid: newApiUid(), ...settled });
        checkDefinitionBytes(await store.sumBytes(tx, revision));
        return id;
      });
      return store.getApi(tx, revision, resource);
    });
  }

  get(ids: RevisionIds, id: string): Promise<Api> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, ids.project, ids.group);
      return store.getApi(this.#sql, { label, number: revisionNumber(ids.revision) }, id);
    });
  }

  list(ids: RevisionIds, after: string, limit: number): Promise<Api[]> {
    return query(async () => {
      const { label } = await getGroup(this.#sql, ids.project, ids.group);
      const revision = await getRevision(this.#sql, label, revisionNumber(ids.revision));
      return store.listApis(this.#sql, revision, { after, limit });
    });
  }

  async update(ids: RevisionIds, id: string, draft: ApiDraft, etag: string): Promise<Api> {
    await this.#check(ids.project, draft);
    return inTransaction(this.#sql, async (tx) => {
      const revision = await lockOf(tx, ids);
      const api = await store.getApi(tx, revision, id);
      checkEtag(etag, etagOf(api.version));
      const settled = await settle(tx, ids.project, draft);
      checkEditable(revision);
      await checkRoute(tx, revision, id, settled.definition);
      await store.updateApi(tx, revision, { id, ...settled });
      checkDefinitionBytes(await store.sumBytes(tx, revision));
      return store.getApi(tx, revision, id);
    });
  }

  delete(ids: RevisionIds, id: string, etag: string): Promise<void> {
    return inTransaction(this.#sql, async (tx) => {
      const revision = await lockOf(tx, ids);
      const api = await store.getApi(tx, revision, id);
      checkEtag(etag, etagOf(api.version));
      checkEditable(revision);
      await store.deleteApis(tx, revision, [id]);
    });
  }

  /** Schemas, and the key that signs, before anything is locked: it can take seconds. What else is wrong with the draft is said later, all at once. */
  async #check(project: string, draft: ApiDraft): Promise<void> {
    const violations = new Violations();
    const definition = readDefinition(draft, project, violations);
    if (violations.found.length > 0) return;
    const faults = await this.#schemas.check(placedSchemas(definition, "definition"));
    for (const { at, fault } of faults) violations.add(at, fault);
    const at = "definition.backend.http.signing_key";
    await checkSigningKeys(this.#keys, project, [[at, definition.backend]], violations);
    violations.throwIfAny();
  }
}

export function newApiUid(): string {
  return `api-${randomLabel(12)}`;
}

/** Throws `resource_exhausted` definitions_quota_exceeded when a revision's definitions are too large in all. */
export function checkDefinitionBytes(bytes: number): void {
  const { definitionBytesPerRevision: quota } = QUOTAS;
  if (bytes <= quota) return;
  const message = `The definitions of the revision would have ${bytes} bytes; more than ${quota} are not allowed.`;
  throw new PlatformError("resource_exhausted", message, {
    reason: "definitions_quota_exceeded",
    metadata: { quota: String(quota) },
  });
}

/** Locks the revision that the ids name. */
export async function lockOf(tx: Transaction, ids: RevisionIds): Promise<Revision> {
  const { label } = await getGroup(tx, ids.project, ids.group);
  return lockRevision(tx, label, revisionNumber(ids.revision));
}

/** Names both APIs of a clash: `already_exists` route_clash. */
function routeClash(a: { id: string; definition: ApiDefinition }, b: typeof a): PlatformError {
  const message =
    `API ${a.id} (${describeRoute(a.definition)}) and API ${b.id} (${describeRoute(b.definition)}) ` +
    "would answer the same requests.";
  return new PlatformError("already_exists", message, { reason: "route_clash", metadata: { apis: `${a.id},${b.id}` } });
}

/** The definition that a draft means and its function, or `invalid_argument` naming every fault. */
async function settle(tx: Transaction, project: string, draft: ApiDraft) {
  const violations = new Violations();
  const definition = readDefinition(draft, project, violations);
  const { backend } = definition;
  if (backend?.kind !== "function") {
    violations.throwIfAny();
    return { definition, functionUid: undefined };
  }
  const functionUid = (await store.holdFunctions(tx, project, [backend.function])).get(backend.function);
  if (backend.function !== "" && functionUid === undefined) {
    violations.add("definition.backend.function.function", `there is no function ${backend.function}`);
  }
  violations.throwIfAny();
  return { definition, functionUid };
}

async function checkRoute(tx: Transaction, revision: store.RevisionKey, id: string, definition: ApiDefinition) {
  const other = await store.findRoute(tx, revision, routeOf(definition), id);
  if (other) throw routeClash({ id, definition }, other);
}

import { formatName } from "@millrace/names";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import type { Api, ApiDefinition } from "../apis/api.ts";
import { checkDefinitionBytes, lockOf, newApiUid, type RevisionIds } from "../apis/api-service.ts";
import * as store from "../apis/api-store.ts";
import { describeRoute, routeOf } from "../apis/route.ts";
import { placedSchemas, type SchemaChecker } from "../apis/schema-checker.ts";
import { type AccessKeys, checkSigningKeys } from "../apis/signing-key.ts";
import { getGroup } from "../groups/group-store.ts";
import { checkEditable } from "../revisions/revision.ts";
import { readDocument } from "./document.ts";
import { type ReadApi, readApis } from "./read-apis.ts";
import { ImportReport, type Remark } from "./report.ts";

/** Resource names of APIs by what an import does to them. */
export interface Imported {
  created: string[];
  updated: string[];
  deleted: string[];
  unchanged: string[];
  renamed: { from: string; to: string }[];
  remarks: readonly Remark[];
  moreRemarks: number;
}

interface ImportedApi {
  id: string;
  pointer: string;
  definition: ApiDefinition;
  functionUid: string | undefined;
}

export class ImportService {
  readonly #sql: Sql;
  readonly #schemas: SchemaChecker;
  readonly #keys: AccessKeys;

  constructor(deps: { sql: Sql; schemas: SchemaChecker; keys: AccessKeys }) {
    this.#sql = deps.sql;
    this.#schemas = deps.schemas;
    this.#keys = deps.keys;
  }

  /** Makes a revision's APIs equal to a document, all or nothing. Errors: `invalid_argument` document_invalid. */
  async import(ids: RevisionIds, text: string, validateOnly: boolean): Promise<Imported> {
    const report = new ImportReport(ids.group);
    const { prefix } = await query(() => getGroup(this.#sql, ids.project, ids.group));
    const document = await readDocument(text, report);
    const read = readApis(document, { project: ids.project, prefix }, report);
    if (!report.isFaulty) await this.#checkSchemas(read, report);
    if (!report.isFaulty) await this.#checkKeys(ids.project, read, report);
    return inTransaction(this.#sql, async (tx) => {
      const revision = await lockOf(tx, ids);
      const apis = await settle(tx, ids.project, read, report);
      report.throwIfFaulty();
      const change = difference(await store.listAllApis(tx, revision), apis);
      if (!validateOnly && change.changes) {
        checkEditable(revision);
        checkDefinitionBytes(definitionBytes(apis));
        await apply(tx, revision, change);
      }
      const nameOf = ({ id }: { id: string }) => formatName("api", { ...ids, api: id });
      const [created, updated] = [change.created.map(nameOf), change.updated.map(nameOf)];
      const [deleted, unchanged] = [change.deleted.map(nameOf), change.unchanged.map(nameOf)];
      const renamed = renamedIn(change).map(({ from, to }) => ({ from: nameOf(from), to: nameOf(to) }));
      const { remarks, moreRemarks } = report;
      return { created, updated, deleted, unchanged, renamed, remarks, moreRemarks };
    });
  }

  async #checkSchemas(apis: readonly ReadApi[], report: ImportReport): Promise<void> {
    const placed = apis.flatMap(({ pointer, definition }) =>
      placedSchemas(definition, "").map(({ at, text }) => ({ at: `${pointer} ${at.slice(1)}`, text })),
    );
    for (const { at, fault } of await this.#schemas.check(placed)) {
      const [pointer = "#", ...field] = at.split(" ");
      report.fault(pointer, `${field.join(" ")} ${fault}`);
    }
    report.throwIfFaulty();
  }

  async #checkKeys(project: string, apis: readonly ReadApi[], report: ImportReport): Promise<void> {
    const backends = apis.map((api) => [api.backendPointer ?? api.pointer, api.definition.backend] as const);
    await checkSigningKeys(this.#keys, project, backends, { add: (at, fault) => report.fault(at, fault) });
  }
}

function definitionBytes(apis: readonly ImportedApi[]): number {
  return apis.reduce((sum, { definition }) => sum + Buffer.byteLength(JSON.stringify(definition)), 0);
}

/** The APIs with their functions; what is missing, or clashes, is a fault at its pointer. */
async function settle(
  tx: Transaction,
  project: string,
  read: readonly ReadApi[],
  report: ImportReport,
): Promise<ImportedApi[]> {
  const functions = new Set(
    read.flatMap(({ definition: { backend } }) => (backend?.kind === "function" ? [backend.function] : [])),
  );
  const uids = await store.holdFunctions(tx, project, [...functions]);
  const routes = new Map<string, ImportedApi>();
  return read.map(({ id, pointer, backendPointer, definition }) => {
    const { backend } = definition;
    const functionUid = backend?.kind === "function" ? uids.get(backend.function) : undefined;
    if (backend?.kind === "function" && backend.function !== "" && functionUid === undefined) {
      report.fault(backendPointer ?? pointer, `there is no function ${backend.function}`);
    }
    const api = { id, pointer, definition, functionUid };
    checkRoute(routes, api, report);
    return api;
  });
}

function checkRoute(routes: Map<string, ImportedApi>, api: ImportedApi, report: ImportReport): void {
  const route = routeOf(api.definition);
  const other = routes.get(route);
  if (other) {
    const both = `${describeRoute(api.definition)} and ${describeRoute(other.definition)}`;
    report.fault(api.pointer, `clashes with ${other.pointer}: ${both} would answer the same requests`);
  }
  routes.set(route, api);
}

interface Difference {
  created: ImportedApi[];
  updated: ImportedApi[];
  unchanged: ImportedApi[];
  deleted: Api[];
  changes: boolean;
}

function difference(existing: readonly Api[], wanted: readonly ImportedApi[]): Difference {
  const before = new Map(existing.map((api) => [api.id, api]));
  const after = new Set(wanted.map(({ id }) => id));
  const isSame = ({ id, definition }: ImportedApi) => {
    const api = before.get(id);
    return api !== undefined && canonical(api.definition) === canonical(definition);
  };
  const created = wanted.filter(({ id }) => !before.has(id));
  const unchanged = wanted.filter(isSame);
  const updated = wanted.filter((api) => before.has(api.id) && !isSame(api));
  const deleted = existing.filter(({ id }) => !after.has(id));
  return { created, updated, unchanged, deleted, changes: created.length + updated.length + deleted.length > 0 };
}

/** APIs that are deleted and made anew under another id. */
function renamedIn({ created, deleted }: Difference): { from: Api; to: ImportedApi }[] {
  const byRoute = new Map(deleted.map((api) => [routeOf(api.definition), api]));
  return created.flatMap((to) => {
    const from = byRoute.get(routeOf(to.definition));
    return from ? [{ from, to }] : [];
  });
}

async function apply(tx: Transaction, revision: store.RevisionKey, change: Difference): Promise<void> {
  await store.deleteApis(
    tx,
    revision,
    change.deleted.map(({ id }) => id),
  );
  await store.releaseRoutes(
    tx,
    revision,
    change.updated.map(({ id }) => id),
  );
  for (const api of change.updated) await store.updateApi(tx, revision, api);
  for (const api of change.created) await store.insertApi(tx, revision, { ...api, uid: newApiUid() });
}

/** The same text for the same definition, whatever the order of its keys; the database keeps none. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) =>
    typeof child === "object" && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  );
}

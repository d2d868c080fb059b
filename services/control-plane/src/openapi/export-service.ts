import type { Environment } from "@millrace/names";
import { query, type Sql } from "@millrace/sql";
import type { RevisionIds } from "../apis/api-service.ts";
import * as store from "../apis/api-store.ts";
import { type Addresses, urlsOf } from "../deployments/deployment.ts";
import { getGroup } from "../groups/group-store.ts";
import { revisionNumber } from "../revisions/revision.ts";
import { getRevision } from "../revisions/revision-store.ts";
import { type DocumentFormatWord, writeDocument } from "./document-text.ts";

export class ExportService {
  readonly #sql: Sql;
  readonly #addresses: Addresses;

  constructor(deps: { sql: Sql; addresses: Addresses }) {
    this.#sql = deps.sql;
    this.#addresses = deps.addresses;
  }

  /** A revision as text of an OpenAPI document. Errors: `resource_exhausted` document_too_large, import_busy. */
  async export(
    ids: RevisionIds,
    { format, environment }: { format: DocumentFormatWord; environment: Environment | undefined },
  ): Promise<string> {
    const { group, apis } = await query(async () => {
      const group = await getGroup(this.#sql, ids.project, ids.group);
      const revision = await getRevision(this.#sql, group.label, revisionNumber(ids.revision));
      return { group, apis: await store.listAllApis(this.#sql, revision) };
    });
    const key = environment && { label: group.label, environment };
    const servers = key ? serversOf(key, this.#addresses) : [];
    return writeDocument({ group, revision: ids.revision, apis, servers }, format);
  }
}

function serversOf(key: { label: string; environment: Environment }, addresses: Addresses) {
  const { hostUrl, pathUrl } = urlsOf(key, addresses);
  const { environment } = key;
  return [
    { url: hostUrl, description: `${environment}, by its host` },
    { url: pathUrl, description: `${environment}, where its host's name does not resolve` },
  ];
}

import { invalidFields } from "@millrace/errors";
import { checkId, ENVIRONMENTS, parseName } from "@millrace/names";
import {
  type ApiDefinition,
  type ApiServiceService,
  CreateApiRequest,
  DocumentFormat,
  ImportOutcome,
} from "@millrace/proto/control/v1/apis";
import { type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";
import type { ExportService } from "../openapi/export-service.ts";
import type { ImportService } from "../openapi/import-service.ts";
import { textAfter } from "../requests/paging.ts";
import { Violations } from "../requests/violations.ts";
import type { ApiDraft } from "./api-draft.ts";
import { toApiMessage, toDraft } from "./api-message.ts";
import type { ApiService } from "./api-service.ts";

export function apiHandlers(
  apis: ApiService,
  imports: ImportService,
  exports: ExportService,
): HandlersOf<typeof ApiServiceService> {
  return {
    async createApi(request, context) {
      const ids = parseName("revision", request.parent, "parent");
      const id = checkId("api", request.apiId, "api_id");
      const once = onceOf(context, request, CreateApiRequest);
      return toApiMessage(ids, await apis.create(ids, id, draftOf(request.definition), once));
    },
    async getApi({ name }) {
      const ids = parseName("api", name);
      return toApiMessage(ids, await apis.get(ids, ids.api));
    },
    async listApis({ parent, pageSize, pageToken }) {
      const ids = parseName("revision", parent, "parent");
      const scope = `apis ${parent}`;
      const size = Math.min(pageSizeOf(pageSize), LIMITS.heavyPageMax);
      const rows = await apis.list(ids, textAfter(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { apis: page.map((api) => toApiMessage(ids, api)), nextPageToken };
    },
    async updateApi({ name, definition, etag }) {
      const ids = parseName("api", name);
      return toApiMessage(ids, await apis.update(ids, ids.api, draftOf(definition), etag));
    },
    async deleteApi({ name, etag }) {
      const ids = parseName("api", name);
      await apis.delete(ids, ids.api, etag);
      return {};
    },
    async importApis({ parent, document, validateOnly }) {
      const imported = await imports.import(parseName("revision", parent, "parent"), document, validateOnly);
      const remarks = imported.remarks.map((remark) => ({ ...remark, outcome: OUTCOMES[remark.outcome] }));
      return { ...imported, remarks };
    },
    async exportApis({ parent, format, environment }) {
      const ids = parseName("revision", parent, "parent");
      const violations = new Violations();
      const word = FORMAT_OF[format];
      violations.unless(word !== undefined, "format", "must be YAML or JSON");
      const named = ENVIRONMENTS.find((each) => each === environment);
      const isKnown = named !== undefined || environment === "";
      violations.unless(isKnown, "environment", `must be ${ENVIRONMENTS.join(", ")}, or empty`);
      violations.throwIfAny();
      return { document: await exports.export(ids, { format: word!, environment: named }) };
    },
  };
}

const OUTCOMES = { "not-carried": ImportOutcome.NOT_CARRIED, changed: ImportOutcome.CHANGED } as const;

const FORMAT_OF: Readonly<Partial<Record<DocumentFormat, "yaml" | "json">>> = {
  [DocumentFormat.UNSPECIFIED]: "yaml",
  [DocumentFormat.YAML]: "yaml",
  [DocumentFormat.JSON]: "json",
};

function draftOf(definition: ApiDefinition | undefined): ApiDraft {
  if (!definition) throw invalidFields([{ field: "definition", description: "is required" }]);
  return toDraft(definition);
}

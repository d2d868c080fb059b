import { checkId, formatName, parseName } from "@millrace/names";
import {
  CreateRevisionRequest,
  type GroupServiceService,
  type Revision as RevisionMessage,
} from "@millrace/proto/control/v1/groups";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { toDifferenceMessage } from "../apis/difference-message.ts";
import { INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import { LAST_REVISION, type Revision, revisionText } from "./revision.ts";
import type { RevisionService } from "./revision-service.ts";

type Handlers = HandlersOf<typeof GroupServiceService>;

export function revisionHandlers(
  revisions: RevisionService,
): Pick<
  Handlers,
  "createRevision" | "getRevision" | "listRevisions" | "updateRevision" | "deleteRevision" | "diffRevisions"
> {
  return {
    async createRevision(request, context) {
      const ids = parseName("group", request.parent, "parent");
      const id = request.revisionId === "" ? "" : checkId("revision", request.revisionId, "revision_id");
      const base = request.base === "" ? "" : checkId("revision", request.base, "base");
      const once = onceOf(context, request, CreateRevisionRequest);
      return toMessage(ids, await revisions.create(ids.project, ids.group, { id, base, note: request.note }, once));
    },
    async getRevision({ name }) {
      const ids = parseName("revision", name);
      return toMessage(ids, await revisions.get(ids.project, ids.group, ids.revision));
    },
    async listRevisions({ parent, pageSize, pageToken }) {
      const ids = parseName("group", parent, "parent");
      const scope = `revisions ${parent}`;
      const size = pageSizeOf(pageSize);
      const [before = LAST_REVISION + 1] = numbersAfter(scope, pageToken, [INTEGER_MAX]) ?? [];
      const rows = await revisions.list(ids.project, ids.group, before, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ number }) => [String(number)]);
      return { revisions: page.map((revision) => toMessage(ids, revision)), nextPageToken };
    },
    async diffRevisions({ name, base }) {
      const ids = parseName("revision", name);
      const from = base === "" ? "" : checkId("revision", base, "base");
      const difference = await revisions.diff(ids.project, ids.group, ids.revision, from);
      return { base: revisionText(difference.base), apis: difference.apis.map(toDifferenceMessage) };
    },
    async updateRevision({ name, note, etag }) {
      const ids = parseName("revision", name);
      return toMessage(ids, await revisions.updateNote(ids.project, ids.group, ids.revision, { note, etag }));
    },
    async deleteRevision({ name, etag }) {
      const ids = parseName("revision", name);
      await revisions.delete(ids.project, ids.group, ids.revision, etag);
      return {};
    },
  };
}

function toMessage(ids: { project: string; group: string }, revision: Revision): RevisionMessage {
  return {
    name: formatName("revision", {
      project: ids.project,
      group: ids.group,
      revision: revisionText(revision.number),
    }),
    note: revision.note,
    base: revision.base === undefined ? "" : revisionText(revision.base),
    environments: [...revision.environments],
    apiCount: revision.apiCount,
    createdAt: revision.createdAt,
    etag: etagOf(revision.version),
  };
}

import { checkId, formatName, parseName } from "@millrace/names";
import {
  type Alias as AliasMessage,
  CreateAliasRequest,
  type FunctionServiceService,
} from "@millrace/proto/control/v1/functions";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { authorOf } from "../requests/author.ts";
import { textAfter } from "../requests/paging.ts";
import type { Alias } from "./alias.ts";
import type { AliasService } from "./alias-service.ts";

type Handlers = HandlersOf<typeof FunctionServiceService>;

export function aliasHandlers(
  aliases: AliasService,
): Pick<Handlers, "createAlias" | "getAlias" | "listAliases" | "updateAlias" | "deleteAlias"> {
  return {
    async createAlias(request, context) {
      const ids = parseName("function", request.parent, "parent");
      const id = checkId("alias", request.aliasId, "alias_id");
      const { description, targets, minInstances } = request;
      const once = onceOf(context, request, CreateAliasRequest);
      const alias = { id, description, targets, minInstances };
      return toMessage(ids, await aliases.create(ids.project, ids.function, alias, once));
    },
    async getAlias({ name }) {
      const ids = parseName("alias", name);
      return toMessage(ids, await aliases.get(ids.project, ids.function, ids.alias));
    },
    async listAliases({ parent, pageSize, pageToken }) {
      const ids = parseName("function", parent, "parent");
      const scope = `aliases ${parent}`;
      const size = pageSizeOf(pageSize);
      const after = textAfter(scope, pageToken);
      const rows = await aliases.list(ids.project, ids.function, after, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { aliases: page.map((alias) => toMessage(ids, alias)), nextPageToken };
    },
    async updateAlias({ name, description, targets, minInstances, etag }, context) {
      const ids = parseName("alias", name);
      const change = { id: ids.alias, description, targets, minInstances };
      const by = { etag, author: authorOf(context) };
      return toMessage(ids, await aliases.update(ids.project, ids.function, change, by));
    },
    async deleteAlias({ name, etag }) {
      const ids = parseName("alias", name);
      await aliases.delete(ids.project, ids.function, ids.alias, etag);
      return {};
    },
  };
}

function toMessage(ids: { project: string; function: string }, alias: Alias): AliasMessage {
  return {
    name: formatName("alias", { project: ids.project, function: ids.function, alias: alias.id }),
    targets: alias.targets.map(({ version, weight }) => ({ version, weight })),
    description: alias.description,
    minInstances: alias.minInstances,
    createdAt: alias.createdAt,
    updatedAt: alias.updatedAt,
    etag: etagOf(alias.version),
  };
}

import { invalidFields } from "@millrace/errors";
import { checkId, formatName, parseName } from "@millrace/names";
import {
  AccessMode as AccessModeMessage,
  CreateGroupRequest,
  type Group as GroupMessage,
  type GroupServiceService,
} from "@millrace/proto/control/v1/groups";
import { etagOf, type HandlersOf, onceOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { textAfter } from "../requests/paging.ts";
import type { AccessMode, Group } from "./group.ts";
import type { GroupService } from "./group-service.ts";

type Handlers = HandlersOf<typeof GroupServiceService>;

export function groupHandlers(
  groups: GroupService,
): Pick<Handlers, "createGroup" | "getGroup" | "listGroups" | "updateGroup" | "deleteGroup"> {
  return {
    async createGroup(request, context) {
      const { project } = parseName("project", request.parent, "parent");
      const id = checkId("group", request.groupId, "group_id");
      const { description, prefix } = request;
      const access = accessOf(request.access) ?? "authorized";
      const once = onceOf(context, request, CreateGroupRequest);
      return toMessage(await groups.create(project, { id, description, prefix, access }, once));
    },
    async getGroup({ name }) {
      const ids = parseName("group", name);
      return toMessage(await groups.get(ids.project, ids.group));
    },
    async listGroups({ parent, search, deployed, pageSize, pageToken }) {
      const { project } = parseName("project", parent, "parent");
      const scope = `groups ${parent} ${deployed ?? ""} ${search}`;
      const size = pageSizeOf(pageSize);
      const rows = await groups.list(project, { search, deployed }, textAfter(scope, pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ id }) => [id]);
      return { groups: page.map(toMessage), nextPageToken };
    },
    async updateGroup({ name, description, prefix, access, etag }) {
      const ids = parseName("group", name);
      const change = { description, prefix, access: accessOf(access) };
      return toMessage(await groups.update(ids.project, ids.group, change, etag));
    },
    async deleteGroup({ name, etag }) {
      const ids = parseName("group", name);
      await groups.delete(ids.project, ids.group, etag);
      return {};
    },
  };
}

function accessOf(access: AccessModeMessage): AccessMode | undefined {
  if (access === AccessModeMessage.UNSPECIFIED) return undefined;
  if (access === AccessModeMessage.NONE) return "none";
  if (access === AccessModeMessage.AUTHORIZED) return "authorized";
  throw invalidFields([{ field: "access", description: "must be none or authorised" }]);
}

function toMessage(group: Group): GroupMessage {
  return {
    name: formatName("group", { project: group.project, group: group.id }),
    description: group.description,
    prefix: group.prefix,
    access: group.access === "none" ? AccessModeMessage.NONE : AccessModeMessage.AUTHORIZED,
    label: group.label,
    createdAt: group.createdAt,
    updatedAt: group.updatedAt,
    etag: etagOf(group.version),
  };
}

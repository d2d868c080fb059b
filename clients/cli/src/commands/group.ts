import { randomUUID } from "node:crypto";
import { AccessMode, Group, GroupServiceService } from "@millrace/proto/control/v1/groups";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { registerRevision } from "./group-revision.ts";
import { descriptionOption } from "./options.ts";

const view: View<Group> = {
  json: Group.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    description: ({ description }) => description,
    prefix: ({ prefix }) => prefix,
    access: ({ access }) => (access === AccessMode.NONE ? "none" : "authorized"),
    label: ({ label }) => label,
    updated: ({ updatedAt }) => updatedAt,
  },
};

const ACCESS = { none: AccessMode.NONE, authorized: AccessMode.AUTHORIZED } as const;

interface GroupOptions {
  description?: string;
  prefix?: string;
  access?: keyof typeof ACCESS;
}

const groupOptions = () => [
  descriptionOption(),
  new Option("--prefix <text>", "path prefix of every API, without slashes"),
  new Option("--access <mode>", "who may call (default: authorized)").choices(Object.keys(ACCESS)),
];

export function registerGroup(registry: Registry): void {
  const noun = registry.noun("group", "API groups and their revisions");
  noun
    .command<GroupOptions>({
      usage: "create <id>",
      description: "make a group, with revision 0.0.1 and its three deployments",
      options: groupOptions(),
      async run({ call, project }, [groupId = ""], { description = "", prefix = "", access }) {
        const mode = access === undefined ? AccessMode.UNSPECIFIED : ACCESS[access];
        const request = { parent: project, groupId, description, prefix, access: mode, requestId: randomUUID() };
        return one(view, await call(GroupServiceService.createGroup, request));
      },
    })
    .command<{ search?: string; deployed?: boolean }>({
      usage: "list",
      description: "list the project's groups",
      options: [
        new Option("--search <text>", "those with this in their id or description, or with this label"),
        new Option("--deployed", "only those that are served somewhere"),
        new Option("--no-deployed", "only those that are served nowhere").default(undefined),
      ],
      async run({ listAll, project }, _, { search = "", deployed }) {
        const request = { parent: project, pageSize: 0, pageToken: "", search, deployed };
        return many(view, "groups", await listAll(GroupServiceService.listGroups, request, (page) => page.groups));
      },
    })
    .command({
      usage: "get <id>",
      description: "show a group",
      async run({ call, project }, [id]) {
        return one(view, await call(GroupServiceService.getGroup, { name: `${project}/groups/${id}` }));
      },
    })
    .command<GroupOptions>({
      usage: "update <id>",
      description: "change a group; access takes effect at once, the rest with the next release",
      options: groupOptions(),
      async run({ call, project }, [id], { description, prefix, access }) {
        const mode = access === undefined ? AccessMode.UNSPECIFIED : ACCESS[access];
        const request = { name: `${project}/groups/${id}`, description, prefix, access: mode, etag: "" };
        return one(view, await call(GroupServiceService.updateGroup, request));
      },
    })
    .command({
      usage: "delete <id>",
      description: "delete a group that is deployed nowhere",
      async run({ call, project }, [id]) {
        const name = `${project}/groups/${id}`;
        await call(GroupServiceService.deleteGroup, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
  registerRevision(noun);
}

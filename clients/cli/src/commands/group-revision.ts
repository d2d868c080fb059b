import { randomUUID } from "node:crypto";
import { DiffRevisionsResponse, GroupServiceService, Revision } from "@millrace/proto/control/v1/groups";
import { Option } from "commander";
import type { Noun } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { differencesText } from "../output/differences.ts";

const view: View<Revision> = {
  json: Revision.toJSON,
  cells: {
    revision: ({ name }) => idOf(name),
    apis: ({ apiCount }) => apiCount,
    base: ({ base }) => base,
    deployed: ({ environments }) => environments,
    note: ({ note }) => note,
    created: ({ createdAt }) => createdAt,
  },
};

const noteOption = () => new Option("--note <text>", "what is new in it");

export function registerRevision(groups: Noun): void {
  groups
    .noun("revisions", "versions n.n.n of a group's APIs")
    .command({
      usage: "list <group>",
      description: "list a group's revisions, newest first",
      async run({ listAll, project }, [group]) {
        const request = { parent: `${project}/groups/${group}`, pageSize: 0, pageToken: "" };
        return many(
          view,
          "revisions",
          await listAll(GroupServiceService.listRevisions, request, (page) => page.revisions),
        );
      },
    })
    .command<{ revision?: string; base?: string; note?: string }>({
      usage: "create <group>",
      description: "copy the APIs of a revision into a new one",
      options: [
        new Option("--revision <n.n.n>", "its number (default: the next)"),
        new Option("--base <n.n.n>", "the one to copy (default: the newest)"),
        noteOption(),
      ],
      async run({ call, project }, [group], { revision = "", base = "", note = "" }) {
        const parent = `${project}/groups/${group}`;
        const request = { parent, revisionId: revision, base, note, requestId: randomUUID() };
        return one(view, await call(GroupServiceService.createRevision, request));
      },
    })
    .command({
      usage: "get <group> <revision>",
      description: "show a revision",
      async run({ call, project }, [group, revision]) {
        const name = `${project}/groups/${group}/revisions/${revision}`;
        return one(view, await call(GroupServiceService.getRevision, { name }));
      },
    })
    .command<{ base?: string }>({
      usage: "diff <group> <revision>",
      description: "show how a revision differs from another",
      options: [new Option("--base <n.n.n>", "the other (default: the one it was copied from)")],
      async run({ call, project }, [group, revision], { base = "" }) {
        const name = `${project}/groups/${group}/revisions/${revision}`;
        const response = await call(GroupServiceService.diffRevisions, { name, base });
        const text = `${response.base} -> ${revision}\n${differencesText(response.apis)}`;
        return done(DiffRevisionsResponse.toJSON(response) as object, text);
      },
    })
    .command<{ note?: string }>({
      usage: "update <group> <revision>",
      description: "change a revision's note",
      options: [noteOption()],
      async run({ call, project }, [group, revision], { note }) {
        const name = `${project}/groups/${group}/revisions/${revision}`;
        return one(view, await call(GroupServiceService.updateRevision, { name, note, etag: "" }));
      },
    })
    .command({
      usage: "delete <group> <revision>",
      description: "delete a revision that is deployed nowhere",
      async run({ call, project }, [group, revision]) {
        const name = `${project}/groups/${group}/revisions/${revision}`;
        await call(GroupServiceService.deleteRevision, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}

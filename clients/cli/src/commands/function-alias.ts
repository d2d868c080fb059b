import { randomUUID } from "node:crypto";
import { invalidFields } from "@millrace/errors";
import { Alias, type AliasTarget, FunctionServiceService } from "@millrace/proto/control/v1/functions";
import type { Noun } from "../command-line.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { descriptionOption, integerOption, listOption } from "./options.ts";

const view: View<Alias> = {
  json: Alias.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    versions: ({ targets }) =>
      targets.map(({ version, weight }) => (weight === 100 ? `${version}` : `${version}=${weight}%`)),
    "min instances": ({ minInstances }) => minInstances,
    description: ({ description }) => description,
    updated: ({ updatedAt }) => updatedAt,
  },
};

interface AliasOptions {
  to: string[];
  description?: string;
  minInstances?: number;
}

const targetOption = () => listOption("--to <version[=weight]>", "a version, or two with weights that sum to 100");

const minimumOption = () =>
  integerOption("--min-instances <n>", "instances that each runner keeps loaded of each version", 0, 16);

export function registerAlias(functions: Noun): void {
  functions
    .noun("alias", "named pointers to versions")
    .command<AliasOptions>({
      usage: "create <function> <alias>",
      description: "make an alias",
      options: [targetOption(), minimumOption(), descriptionOption()],
      examples: [
        "millrace function alias create hello live --to 3",
        "millrace function alias create hello live --to 3=90 --to 4=10",
      ],
      async run({ call, project }, [id, aliasId = ""], { to, description = "", minInstances = 0 }) {
        const parent = `${project}/functions/${id}`;
        const targets = to.map(readTarget);
        const request = { parent, aliasId, targets, description, minInstances, requestId: randomUUID() };
        return one(view, await call(FunctionServiceService.createAlias, request));
      },
    })
    .command({
      usage: "list <function>",
      description: "list a function's aliases",
      async run({ listAll, project }, [id]) {
        const request = { parent: `${project}/functions/${id}`, pageSize: 0, pageToken: "" };
        return many(
          view,
          "aliases",
          await listAll(FunctionServiceService.listAliases, request, (page) => page.aliases),
        );
      },
    })
    .command({
      usage: "get <function> <alias>",
      description: "show an alias",
      async run({ call, project }, [id, alias]) {
        const name = `${project}/functions/${id}/aliases/${alias}`;
        return one(view, await call(FunctionServiceService.getAlias, { name }));
      },
    })
    .command<AliasOptions>({
      usage: "update <function> <alias>",
      description: "move an alias; live deployments follow within a second",
      options: [targetOption(), minimumOption(), descriptionOption()],
      async run({ call, project }, [id, alias], { to, description, minInstances }) {
        const name = `${project}/functions/${id}/aliases/${alias}`;
        const request = { name, targets: to.map(readTarget), description, minInstances, etag: "" };
        return one(view, await call(FunctionServiceService.updateAlias, request));
      },
    })
    .command({
      usage: "delete <function> <alias>",
      description: "delete an alias that nothing uses",
      async run({ call, project }, [id, alias]) {
        const name = `${project}/functions/${id}/aliases/${alias}`;
        await call(FunctionServiceService.deleteAlias, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}

function readTarget(text: string): AliasTarget {
  const match = /^(\d{1,9})(?:=(\d{1,3}))?$/.exec(text);
  if (!match) throw invalidFields([{ field: "--to", description: "must be a version, or version=weight" }]);
  return { version: Number(match[1]), weight: match[2] === undefined ? 100 : Number(match[2]) };
}

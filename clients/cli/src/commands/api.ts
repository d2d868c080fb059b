import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { Api, ApiServiceService, type ImportApisResponse } from "@millrace/proto/control/v1/apis";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { backendText } from "../deploy/backend.ts";
import { readNewestRevision } from "../deploy/current.ts";
import { type Answer, done, idOf, many, one, type View } from "../output/answer.ts";
import { fieldsText } from "../output/table.ts";
import { readText } from "../terminal.ts";
import { type DefinitionOptions, readDefinition } from "./api-definition.ts";
import { descriptionOption, groupOption } from "./options.ts";

const view: View<Api> = {
  json: Api.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    method: ({ definition }) => definition?.method,
    path: ({ definition }) => definition?.path,
import { backendOptions } from "./backend-options.ts";
    backend: ({ definition }) => backendText(definition?.backend) || "of the environment",
    description: ({ definition }) => definition?.description,
  },
};

interface RevisionOptions {
  group: string;
  revision?: string;
}

const revisionOptions = () => [
  groupOption(),
  new Option("-r, --revision <n.n.n>", "the revision (default: the newest)"),
];

const definitionOptions = () => [
  new Option("--definition <file>", "the whole definition, as JSON or YAML of ApiDefinition"),
  new Option("--method <method>", "GET, POST …"),
  new Option("--path <path>", "after the group's prefix, e.g. /pets/{petId}"),
  ...backendOptions("that answers (default: of the environment)"),
  descriptionOption(),
];

export function registerApi(registry: Registry): void {
  registry
    .noun("api", "the operations of a revision")
    .command<RevisionOptions & DefinitionOptions>({
      usage: "create <id>",
      description: "add an API",
      options: [...revisionOptions(), ...definitionOptions()],
      examples: ["millrace api create getPet -g petstore --method GET --path '/pets/{petId}' --function get-pet"],
      async run(context, [apiId = ""], options) {
        const parent = await revisionName(context, options);
        const definition = readDefinition(context, options, undefined);
        const request = { parent, apiId, definition, requestId: randomUUID() };
        return one(view, await context.call(ApiServiceService.createApi, request));
      },
    })
    .command<RevisionOptions>({
      usage: "list",
      description: "list the APIs of a revision",
      options: revisionOptions(),
      async run(context, _, options) {
        const request = { parent: await revisionName(context, options), pageSize: 0, pageToken: "" };
        return many(view, "apis", await context.listAll(ApiServiceService.listApis, request, (page) => page.apis));
      },
    })
    .command<RevisionOptions>({
      usage: "get <id>",
      description: "show an API",
      options: revisionOptions(),
      async run(context, [id], options) {
        const name = `${await revisionName(context, options)}/apis/${id}`;
        return one(view, await context.call(ApiServiceService.getApi, { name }));
      },
    })
    .command<RevisionOptions & DefinitionOptions>({
      usage: "update <id>",
      description: "change an API; what is not named stays",
      options: [...revisionOptions(), ...definitionOptions()],
      async run(context, [id], options) {
        const name = `${await revisionName(context, options)}/apis/${id}`;
        const before = await context.call(ApiServiceService.getApi, { name });
        const definition = readDefinition(context, options, before.definition);
        return one(view, await context.call(ApiServiceService.updateApi, { name, definition, etag: before.etag }));
      },
    })
    .command<RevisionOptions>({
      usage: "delete <id>",
      description: "delete an API",
      options: revisionOptions(),
      async run(context, [id], options) {
        const name = `${await revisionName(context, options)}/apis/${id}`;
        await context.call(ApiServiceService.deleteApi, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    })
    .command<RevisionOptions & { dryRun?: boolean }>({
      usage: "import <file>",
      description: "make a revision's APIs equal to the operations of an OpenAPI document",
      options: [...revisionOptions(), new Option("--dry-run", "show what would change")],
      async run(context, [file = ""], options) {
        const document = readText(resolve(context.terminal.cwd, file), "file");
        const request = { parent: await revisionName(context, options), document };
        const validateOnly = options.dryRun === true;
        return imported(await context.call(ApiServiceService.importApis, { ...request, validateOnly }));
      },
    });
}

async function revisionName({ platform, project }: Context, { group, revision }: RevisionOptions): Promise<string> {
  const parent = `${project}/groups/${group}`;
  if (revision !== undefined) return `${parent}/revisions/${revision}`;
  return (await readNewestRevision(platform, parent)).name;
}

function imported(answer: ImportApisResponse): Answer {
  const { created, updated, deleted, unchanged, notCarried } = answer;
  const lists = { created, updated, deleted, unchanged };
  const rows = Object.entries(lists).map(([word, names]) => [word, names.map(idOf).join(", ")] as const);
  return {
    json: { ...lists, notCarried },
    text: fieldsText([...rows, ["not carried", notCarried.join(", ")]]),
  };
}

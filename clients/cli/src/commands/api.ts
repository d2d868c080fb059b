import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  Api,
  ApiServiceService,
  DocumentFormat,
  type ImportApisResponse,
  ImportOutcome,
  ImportRemark,
} from "@millrace/proto/control/v1/apis";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { backendText } from "../deploy/backend.ts";
import { readNewestRevision } from "../deploy/current.ts";
import { EXIT } from "../exit-codes.ts";
import { type Answer, done, idOf, many, one, type View } from "../output/answer.ts";
import { fieldsText } from "../output/table.ts";
import { readText } from "../terminal.ts";
import { type DefinitionOptions, MATCHES, readDefinition } from "./api-definition.ts";
import { backendOptions } from "./backend-options.ts";
import { mappingOptions } from "./mapping-options.ts";
import { descriptionOption, groupOption } from "./options.ts";

const view: View<Api> = {
  json: Api.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    method: ({ definition }) => definition?.method,
    path: ({ definition }) => definition?.path,
    match: ({ definition }) => (definition?.match === MATCHES.prefix ? "prefix" : ""),
    backend: ({ definition }) => backendText(definition?.backend) || "of the environment",
    tags: ({ definition }) => definition?.tags.join(", "),
    deprecated: ({ definition }) => (definition?.deprecated ? "deprecated" : ""),
    description: ({ definition }) => definition?.summary || definition?.description,
  },
};

interface ExportOptions {
  format?: "yaml" | "json";
  env?: string;
  file?: string;
}

const FORMATS = { yaml: DocumentFormat.YAML, json: DocumentFormat.JSON } as const;

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
  new Option("--match <match>", "only the path (exact, as a new API does), or also what is below it").choices(
    Object.keys(MATCHES),
  ),
  ...backendOptions("that answers (default: of the environment)"),
  ...mappingOptions(),
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
    .command<RevisionOptions & ExportOptions>({
      usage: "export",
      description: "write a revision as an OpenAPI 3.1 document that `import` reads back",
      options: [
        ...revisionOptions(),
        new Option("--format <format>", "yaml (default) or json").choices(["yaml", "json"]),
        new Option("-e, --env <environment>", "name that environment's URLs as servers"),
        new Option("--file <file>", "write into a file"),
      ],
      examples: ["millrace api export -g petstore --env online --file openapi.yaml"],
      async run(context, _, { format = "yaml", env = "", file, ...options }) {
        const parent = await revisionName(context, options);
        const request = { parent, format: FORMATS[format], environment: env };
        const { document } = await context.call(ApiServiceService.exportApis, request);
        if (file === undefined) return { json: { document }, text: document.trimEnd() };
        writeFileSync(resolve(context.terminal.cwd, file), document);
        return done({ file }, `wrote ${file}`);
      },
    })
    .command<RevisionOptions & { dryRun?: boolean }>({
      usage: "import <file>",
      description: "make a revision's APIs equal to the operations of an OpenAPI document (2.0, 3.0 or 3.1)",
      options: [...revisionOptions(), new Option("--dry-run", "show what would change")],
      examples: ["millrace api import -g petstore openapi.yaml --dry-run"],
      async run(context, [file = ""], options) {
        const document = readText(resolve(context.terminal.cwd, file), "file");
        const request = { parent: await revisionName(context, options), document };
        const validateOnly = options.dryRun === true;
        const answer = await context.call(ApiServiceService.importApis, { ...request, validateOnly });
        return validateOnly ? dryRun(context, request.parent, answer) : imported(answer);
      },
    });
}

async function revisionName({ platform, project }: Context, { group, revision }: RevisionOptions): Promise<string> {
  const parent = `${project}/groups/${group}`;
  if (revision !== undefined) return `${parent}/revisions/${revision}`;
  return (await readNewestRevision(platform, parent)).name;
}

function imported(answer: ImportApisResponse): Answer {
  const { created, updated, deleted, unchanged, renamed, remarks, moreRemarks } = answer;
  const lists = { created, updated, deleted, unchanged };
  const rows = Object.entries(lists).map(([word, names]) => [word, names.map(idOf).join(", ")] as const);
  const renames = renamed.map(({ from, to }) => `${idOf(from)} → ${idOf(to)}`).join(", ");
  const more = moreRemarks > 0 ? [`and ${moreRemarks} more`] : [];
  return {
    json: { ...lists, renamed, remarks: remarks.map((remark) => ImportRemark.toJSON(remark)), moreRemarks },
    text: [fieldsText([...rows, ["renamed", renames]]), ...remarks.map(remarkText), ...more].join("\n"),
  };
}

/** What an import would do. The platform answers a preview of a deployed revision, but not its import. */
async function dryRun({ call }: Context, name: string, answer: ImportApisResponse): Promise<Answer> {
  const { environments } = await call(GroupServiceService.getRevision, { name });
  const { json, text } = imported(answer);
  const changes = answer.created.length + answer.updated.length + answer.deleted.length > 0;
  const where = environments.join(", ");
  const wouldBeRefused = changes && where !== "";
  const outcome = wouldBeRefused
    ? `the import would be refused: revision ${idOf(name)} is deployed in ${where}; make a new one, and import into that. It would do this`
    : "nothing was changed; the import would do this";
  return {
    json: { dryRun: true, wouldBeRefused, ...(json as object) },
    text: `dry run: ${outcome}:\n${text}`,
    exitCode: wouldBeRefused ? EXIT.failed : EXIT.ok,
  };
}

function remarkText({ pointer, outcome, what, advice }: ImportRemark): string {
  const word = outcome === ImportOutcome.NOT_CARRIED ? "not carried" : "changed";
  return `  ${word}: ${pointer}: ${what}${advice === "" ? "" : `; ${advice}`}`;
}

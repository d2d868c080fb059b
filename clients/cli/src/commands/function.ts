import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import {
  type Egress,
  type FunctionConfig,
  FunctionMessage,
  FunctionServiceService,
  FunctionVersion,
  HandlerShape,
} from "@millrace/proto/control/v1/functions";
import { InvalidArgumentError, Option } from "commander";
import type { Noun, Registry } from "../command-line.ts";
import { readSecretsFile } from "../deploy/secrets-file.ts";
import { EGRESS_FAULT, egressOf, egressText } from "../egress.ts";
import { done, idOf, many, one, type View } from "../output/answer.ts";
import { existingPath } from "../terminal.ts";
import { packCode } from "../uploads/pack-code.ts";
import { uploadCode } from "../uploads/upload-code.ts";
import { registerAlias } from "./function-alias.ts";
import { registerEvent } from "./function-event.ts";
import { registerInvoke } from "./function-invoke.ts";
import { registerUses } from "./function-uses.ts";
import { descriptionOption, integerOption, listOption, readPairs } from "./options.ts";

const view: View<FunctionMessage> = {
  json: FunctionMessage.toJSON,
  cells: {
    id: ({ name }) => idOf(name),
    description: ({ description }) => description,
    shape: ({ code }) => (code ? shapeWord(code.shape) : "no code"),
    "memory mib": ({ config }) => config?.memoryMib,
    "timeout ms": ({ config }) => config?.timeoutMs,
    egress: ({ config }) => egressText(config?.egress),
    versions: ({ latestVersion }) => latestVersion,
    updated: ({ updatedAt }) => updatedAt,
  },
};

const versionView: View<FunctionVersion> = {
  json: FunctionVersion.toJSON,
  cells: {
    version: ({ number }) => number,
    description: ({ description }) => description,
    code: ({ code }) => code?.digest.slice(0, 12),
    created: ({ createdAt }) => createdAt,
  },
};

interface ConfigOptions {
  description?: string;
  handler?: string;
  memoryMib?: number;
  timeoutMs?: number;
  concurrency?: number;
  maxConcurrencyPerRunner?: number;
  egress?: Egress;
  set: string[];
  unset: string[];
  secretsFile?: string;
  versionsKept?: number;
}

const configOptions = () => [
  descriptionOption(),
  new Option("--handler <export>", "the export that is called"),
  integerOption("--memory-mib <n>", "memory of an instance", 128, 1_024),
  integerOption("--timeout-ms <n>", "how long a call may take", 100, 300_000),
  integerOption("--concurrency <n>", "calls at a time in one instance", 1, 100),
  integerOption("--max-concurrency-per-runner <n>", "calls at a time on one runner; 0: no limit", 0, 1_000),
  new Option("--egress <policy>", "where it may connect to: none, http, or host:port,…").argParser(readEgress),
  listOption("--set <KEY=value>", "a variable in process.env; may be repeated"),
  listOption("--unset <KEY>", "take a variable or secret away; may be repeated"),
  new Option("--secrets-file <file>", "set secrets from lines of KEY=value"),
  integerOption("--versions-kept <n>", "so many of the newest versions stay, used or not (default: 100)", 1, 1_000),
];

export function registerFunction(registry: Registry): void {
  const noun = registry.noun("function", "code, its versions and aliases");
  registerDrafts(noun);
  registerCode(noun);
  registerAlias(noun);
  registerUses(noun);
  registerInvoke(noun);
  registerEvent(noun);
}

function registerDrafts(noun: Noun): void {
  noun
    .command<ConfigOptions>({
      usage: "create <id>",
      description: "make a function without code",
      options: configOptions(),
      async run({ call, project, terminal }, [functionId = ""], options) {
        const config = configWith(undefined, options, terminal.cwd);
        const { description = "", versionsKept } = options;
        const request = { parent: project, functionId, description, config, versionsKept, requestId: randomUUID() };
        return one(view, await call(FunctionServiceService.createFunction, request));
      },
    })
    .command<{ search?: string }>({
      usage: "list",
      description: "list the project's functions",
      options: [new Option("--search <text>", "those with this in their id or description")],
      async run({ listAll, project }, _, { search }) {
        const request = { parent: project, pageSize: 0, pageToken: "", search };
        const { listFunctions } = FunctionServiceService;
        return many(view, "functions", await listAll(listFunctions, request, (page) => page.functions));
      },
    })
    .command({
      usage: "get <id>",
      description: "show a function",
      async run({ call, project }, [id]) {
        return one(view, await call(FunctionServiceService.getFunction, { name: `${project}/functions/${id}` }));
      },
    })
    .command<ConfigOptions>({
      usage: "update <id>",
      description: "change a function's settings; what is not named stays",
      options: configOptions(),
      async run({ call, project, terminal }, [id], options) {
        const name = `${project}/functions/${id}`;
        const before = await call(FunctionServiceService.getFunction, { name });
        const config = configWith(before.config, options, terminal.cwd);
        const { description, versionsKept } = options;
        const request = { name, description, config, versionsKept, etag: before.etag };
        return one(view, await call(FunctionServiceService.updateFunction, request));
      },
    })
    .command({
      usage: "delete <id>",
      description: "delete a function that nothing uses",
      async run({ call, project }, [id]) {
        const name = `${project}/functions/${id}`;
        await call(FunctionServiceService.deleteFunction, { name, etag: "" });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}

function registerCode(noun: Noun): void {
  noun
    .command<{ entry?: string }>({
      usage: "upload <id> <path>",
      description: "send code for the draft: a file, a folder or a zip",
      options: [new Option("--entry <file>", "the entry file in a folder or zip")],
      examples: ["millrace function upload hello examples/hello/hello.ts"],
      async run({ platform, project, terminal }, [id, path = ""], { entry }) {
        const code = existingPath(resolve(terminal.cwd, path), "path");
        const upload = await packCode(code, entry === undefined ? {} : { entry });
        return one(view, await uploadCode(platform, `${project}/functions/${id}`, upload));
      },
    })
    .command<{ description?: string }>({
      usage: "publish <id>",
      description: "publish the draft as the next version",
      options: [descriptionOption()],
      async run({ call, project }, [id], { description = "" }) {
        const request = { name: `${project}/functions/${id}`, description };
        return one(versionView, await call(FunctionServiceService.publishVersion, request));
      },
    })
    .command({
      usage: "versions <id>",
      description: "list a function's versions, newest first",
      async run({ listAll, project }, [id]) {
        const request = { parent: `${project}/functions/${id}`, pageSize: 0, pageToken: "" };
        const { listFunctionVersions } = FunctionServiceService;
        return many(versionView, "versions", await listAll(listFunctionVersions, request, (page) => page.versions));
      },
    })
    .command({
      usage: "delete-version <id> <version>",
      description: "delete a version that nothing uses",
      async run({ call, project }, [id, version]) {
        const name = `${project}/functions/${id}/versions/${version}`;
        await call(FunctionServiceService.deleteFunctionVersion, { name });
        return done({ deleted: name }, `deleted ${name}`);
      },
    });
}

/** A configuration replaces the one before as a whole; a secret without a value keeps the one it has. */
function configWith(before: FunctionConfig | undefined, options: ConfigOptions, cwd: string): FunctionConfig {
  const { handler, memoryMib, timeoutMs, concurrency, maxConcurrencyPerRunner, egress, secretsFile } = options;
  const environment = { ...before?.environment, ...readPairs(options.set, "--set") };
  const read = secretsFile === undefined ? {} : readSecretsFile(resolve(cwd, secretsFile));
  const secrets = { ...before?.secrets, ...read };
  for (const key of options.unset) {
    delete environment[key];
    delete secrets[key];
  }
  return {
    handler: handler ?? before?.handler ?? "",
    memoryMib: memoryMib ?? before?.memoryMib ?? 0,
    timeoutMs: timeoutMs ?? before?.timeoutMs ?? 0,
    concurrency: concurrency ?? before?.concurrency ?? 0,
    maxConcurrencyPerRunner: maxConcurrencyPerRunner ?? before?.maxConcurrencyPerRunner ?? 0,
    environment,
    secrets,
    egress: egress ?? before?.egress,
  };
}

function readEgress(text: string): Egress {
  const egress = egressOf(text);
  if (egress) return egress;
  throw new InvalidArgumentError(`It ${EGRESS_FAULT}.`);
}

function shapeWord(shape: HandlerShape): string {
  return shape === HandlerShape.FETCH ? "fetch" : "handler";
}

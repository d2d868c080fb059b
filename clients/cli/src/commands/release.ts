import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import {
  Deployment,
  DeploymentServiceService,
  DeploymentState,
  Propagation,
  Release,
} from "@millrace/proto/control/v1/deployments";
import { Option } from "commander";
import type { Noun, Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { backendText } from "../deploy/backend.ts";
import { readNewestRevision } from "../deploy/current.ts";
import { parseRules } from "../deploy/manifest-backend.ts";
import { rulesMessage, rulesText } from "../deploy/routing-rules.ts";
import { EXIT } from "../exit-codes.ts";
import { type Answer, idOf, many, one, type View } from "../output/answer.ts";
import { readText } from "../terminal.ts";
import { type BackendOptions, backendOf, backendOptions } from "./backend-options.ts";
import { type DeploymentOptions, deploymentName, environmentOption, groupOption, integerOption } from "./options.ts";
import { propagationOf, propagationText, registerProgress } from "./release-progress.ts";

const STATES: Readonly<Record<number, string>> = {
  [DeploymentState.UNRELEASED]: "unreleased",
  [DeploymentState.SERVING]: "serving",
  [DeploymentState.OFFLINE]: "offline",
};

const deploymentView: View<Deployment> = {
  json: Deployment.toJSON,
  cells: {
    environment: ({ name }) => idOf(name),
    state: ({ state }) => STATES[state],
    release: ({ release }) => release || undefined,
    revision: ({ revision }) => revision,
    url: ({ pathUrl }) => pathUrl,
    "custom hosts": ({ customHosts }) => customHosts.join(", "),
  },
};

const view: View<Release> = {
  json: Release.toJSON,
  cells: {
    release: ({ number }) => number,
    revision: ({ revision }) => revision,
    author: ({ author }) => author,
    created: ({ createdAt }) => createdAt,
    "rollback of": ({ rollbackOf }) => rollbackOf || undefined,
    backend: ({ environmentBackend }) => backendText(environmentBackend),
    rules: ({ routingRules }) => rulesText(routingRules),
    note: ({ note }) => note,
  },
};

interface CreateOptions extends DeploymentOptions, BackendOptions {
  revision?: string;
  rules?: string;
  note?: string;
  wait?: boolean;
}

const deploymentOptions = () => [groupOption(), environmentOption()];
const noteOption = () => new Option("--note <text>", "for the history");

const waitOption = () => new Option("--wait", "until every gateway serves it");

export function registerRelease(registry: Registry): void {
  const noun = registry.noun("release", "what a group serves in an environment");
  registerChanges(noun);
  registerProgress(noun);
  noun
    .command<DeploymentOptions>({
      usage: "list",
      description: "list the releases, newest first",
      options: deploymentOptions(),
      async run({ listAll, project }, _, options) {
        const request = { parent: deploymentName(project, options), pageSize: 0, pageToken: "" };
        return many(
          view,
          "releases",
          await listAll(DeploymentServiceService.listReleases, request, (page) => page.releases),
        );
      },
    })
    .command<{ group: string }>({
      usage: "status",
      description: "show what each environment serves",
      options: [groupOption()],
      async run({ call, project }, _, { group }) {
        const request = { parent: `${project}/groups/${group}` };
        const { deployments } = await call(DeploymentServiceService.listDeployments, request);
        return many(deploymentView, "deployments", deployments);
      },
    });
}

function registerChanges(noun: Noun): void {
  noun
    .command<CreateOptions>({
      usage: "create",
      description: "release a revision to an environment",
      options: [
        ...deploymentOptions(),
        new Option("-r, --revision <n.n.n>", "the revision (default: the newest)"),
        ...backendOptions("behind the APIs that name none"),
        new Option(
          "--rules <file>",
          "where some of their requests go instead: a YAML list of rules (default: as before)",
        ),
        noteOption(),
        waitOption(),
      ],
      async run(context, _, options) {
        const { call, platform, project, terminal } = context;
        const name = deploymentName(project, options);
        const newest = () => readNewestRevision(platform, `${project}/groups/${options.group}`);
        const revision = options.revision ?? idOf((await newest()).name);
        const request = { name, revision, note: options.note ?? "", requestId: randomUUID(), etag: "" };
        const environmentBackend = backendOf(options, project);
        const routingRules = rulesOf(options, project, terminal.cwd);
        const asked = { ...request, environmentBackend, routingRules };
        const made = await call(DeploymentServiceService.createRelease, asked);
        return withPropagation(context, options, one(view, made));
      },
    })
    .command<DeploymentOptions & { to?: number; note?: string; wait?: boolean }>({
      usage: "rollback",
      description: "serve an earlier release's snapshot again",
      options: [
        ...deploymentOptions(),
        integerOption(
          "--to <number>",
          "the release to repeat (default: the one before; a second rollback goes further back)",
          1,
          999_999_999,
        ),
        noteOption(),
        waitOption(),
      ],
      async run(context, _, options) {
        const { call, project } = context;
        const name = deploymentName(project, options);
        const { to: release = 0, note = "" } = options;
        const request = { name, release, note, requestId: randomUUID(), etag: "" };
        return withPropagation(context, options, one(view, await call(DeploymentServiceService.rollback, request)));
      },
    })
    .command<DeploymentOptions>({
      usage: "offline",
      description: "refuse callers with deployment_offline",
      options: deploymentOptions(),
      async run({ call, project }, _, options) {
        const request = { name: deploymentName(project, options), etag: "" };
        return one(deploymentView, await call(DeploymentServiceService.takeOffline, request));
      },
    })
    .command<DeploymentOptions>({
      usage: "online",
      description: "serve the newest release again",
      options: deploymentOptions(),
      async run({ call, project }, _, options) {
        const request = { name: deploymentName(project, options), etag: "" };
        return one(deploymentView, await call(DeploymentServiceService.bringOnline, request));
      },
    });
}

/** Says how far the change has come, when that was asked for. */
async function withPropagation(
  context: Context,
  options: DeploymentOptions & { wait?: boolean },
  answer: Answer,
): Promise<Answer> {
  if (!options.wait) return answer;
  const propagation = await propagationOf(context, options, true);
  const json = { ...(answer.json as object), propagation: Propagation.toJSON(propagation) };
  const exitCode = propagation.afterMs === undefined ? EXIT.failed : EXIT.ok;
  return { json, text: `${answer.text}\n${propagationText(propagation)}`, exitCode };
}

function rulesOf({ rules }: CreateOptions, project: string, cwd: string) {
  if (rules === undefined) return undefined;
  return rulesMessage(parseRules(rules, readText(resolve(cwd, rules), "--rules")), project);
}

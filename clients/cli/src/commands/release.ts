import { randomUUID } from "node:crypto";
import { Deployment, DeploymentServiceService, DeploymentState, Release } from "@millrace/proto/control/v1/deployments";
import { Option } from "commander";
import type { Noun, Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { backendText } from "../deploy/backend.ts";
import { readNewestRevision } from "../deploy/current.ts";
import { idOf, many, one, type View } from "../output/answer.ts";
import { type BackendOptions, backendOf, backendOptions } from "./backend-options.ts";
import { environmentOption, groupOption, integerOption } from "./options.ts";

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
    note: ({ note }) => note,
  },
};

interface DeploymentOptions {
  group: string;
  env: string;
}

interface CreateOptions extends DeploymentOptions, BackendOptions {
  revision?: string;
  note?: string;
}

const deploymentOptions = () => [groupOption(), environmentOption()];
const noteOption = () => new Option("--note <text>", "for the history");

export function registerRelease(registry: Registry): void {
  const noun = registry.noun("release", "what a group serves in an environment");
  registerChanges(noun);
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
        noteOption(),
      ],
      async run({ call, platform, project }, _, options) {
        const name = deploymentName(project, options);
        const newest = () => readNewestRevision(platform, `${project}/groups/${options.group}`);
        const revision = options.revision ?? idOf((await newest()).name);
        const request = { name, revision, note: options.note ?? "", requestId: randomUUID(), etag: "" };
        const environmentBackend = backendOf(options, project);
        return one(view, await call(DeploymentServiceService.createRelease, { ...request, environmentBackend }));
      },
    })
    .command<DeploymentOptions & { to?: number; note?: string }>({
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
      ],
      async run({ call, project }, _, options) {
        const name = deploymentName(project, options);
        const { to: release = 0, note = "" } = options;
        const request = { name, release, note, requestId: randomUUID(), etag: "" };
        return one(view, await call(DeploymentServiceService.rollback, request));
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

export function deploymentName(project: Context["project"], { group, env }: DeploymentOptions): string {
  return `${project}/groups/${group}/deployments/${env}`;
}

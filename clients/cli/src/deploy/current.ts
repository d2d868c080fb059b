import { type ErrorCode, PlatformError } from "@millrace/errors";
import { type Api, ApiServiceService, type ImportApisResponse } from "@millrace/proto/control/v1/apis";
import { type Deployment, DeploymentServiceService, type Release } from "@millrace/proto/control/v1/deployments";
import {
  type FunctionMessage,
  FunctionServiceService,
  type FunctionVersion,
} from "@millrace/proto/control/v1/functions";
import { type Group, GroupServiceService, type Revision } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { idOf } from "../output/answer.ts";
import type { PlatformClient } from "../platform-client.ts";
import { type CurrentAliases, readAliases } from "./aliases.ts";
import type { Desired, DesiredGroup } from "./desired.ts";

// What the platform holds of that which a manifest speaks of. Reads only.

export interface Current {
  projectExists: boolean;
  functions: ReadonlyMap<string, FunctionMessage>;
  /** Of the functions whose aliases the manifest speaks of. */
  aliases: ReadonlyMap<string, CurrentAliases>;
  groups: ReadonlyMap<string, CurrentGroup>;
}

export interface CurrentGroup {
  group: Group;
  newestRevision: Revision;
  /**
   * What importing the desired document into the newest revision would change. Unset when that cannot be told yet, since the document
   * may speak of functions and aliases that are still to be made.
   */
  importIntoNewest: ImportApisResponse | undefined;
  /** Of the newest revision. */
  apis: readonly Api[];
  deployments: readonly CurrentDeployment[];
}

export interface CurrentDeployment {
  environment: string;
  deployment: Deployment;
  /** The one being served; unset before the first. */
  release: Release | undefined;
  /** The numbered versions that the release pins, by function id. */
  pinned: ReadonlyMap<string, FunctionVersion>;
}

export async function readCurrent(platform: PlatformClient, desired: Desired): Promise<Current> {
  const project = await existing(platform.call(ProjectServiceService.getProject, { name: desired.project }));
  if (!project) return { projectExists: false, functions: new Map(), aliases: new Map(), groups: new Map() };
  const functions = new Map<string, FunctionMessage>();
  const aliases = new Map<string, CurrentAliases>();
  for (const { id, aliases: wanted } of desired.functions) {
    const name = `${desired.project}/functions/${id}`;
    const found = await existing(platform.call(FunctionServiceService.getFunction, { name }));
    if (found) functions.set(id, found);
    if (found && wanted.length > 0) aliases.set(id, await readAliases(platform, found));
  }
  const isMissing = desired.functions.some(
    ({ id, aliases: wanted }) => !functions.has(id) || wanted.some((alias) => !aliases.get(id)?.aliases.has(alias.id)),
  );
  const groups = new Map<string, CurrentGroup>();
  for (const group of desired.groups) {
    const found = await readGroup(platform, desired.project, group, isMissing);
    if (found) groups.set(group.id, found);
  }
  return { projectExists: true, functions, aliases, groups };
}

async function readGroup(
  platform: PlatformClient,
  project: string,
  { id, document, releases }: DesiredGroup,
  isMissing: boolean,
): Promise<CurrentGroup | undefined> {
  const name = `${project}/groups/${id}`;
  const group = await existing(platform.call(GroupServiceService.getGroup, { name }));
  if (!group) return undefined;
  const newestRevision = await readNewestRevision(platform, name);
  const parent = newestRevision.name;
  const trial = platform.call(ApiServiceService.importApis, { parent, document, validateOnly: true });
  const importIntoNewest = await (isMissing ? unlessRefused("invalid_argument", trial) : trial);
  const listRequest = { parent, pageSize: 0, pageToken: "" };
  const apis = await platform.listAll(ApiServiceService.listApis, listRequest, (page) => page.apis);
  const deployments: CurrentDeployment[] = [];
  for (const { environment } of releases) {
    deployments.push(await readDeployment(platform, project, `${name}/deployments/${environment}`));
  }
  return { group, newestRevision, importIntoNewest, apis, deployments };
}

export async function readNewestRevision(platform: PlatformClient, group: string): Promise<Revision> {
  const request = { parent: group, pageSize: 1, pageToken: "" };
  const { revisions } = await platform.call(GroupServiceService.listRevisions, request);
  if (revisions[0]) return revisions[0];
  throw new PlatformError("not_found", `Group ${idOf(group)} has no revision.`, { reason: "revision_not_found" });
}

async function readDeployment(platform: PlatformClient, project: string, name: string): Promise<CurrentDeployment> {
  const deployment = await platform.call(DeploymentServiceService.getDeployment, { name });
  const environment = idOf(name);
  if (deployment.release === 0) return { environment, deployment, release: undefined, pinned: new Map() };
  const release = await platform.call(DeploymentServiceService.getRelease, {
    name: `${name}/releases/${deployment.release}`,
  });
  const pinned = new Map<string, FunctionVersion>();
  for (const { backend } of release.apis) {
    const [, functionId, version] = /^(.+)@(\d+)$/.exec(backend) ?? [];
    if (functionId === undefined || pinned.has(functionId)) continue;
    const versionName = `${project}/functions/${functionId}/versions/${version}`;
    const found = await existing(platform.call(FunctionServiceService.getFunctionVersion, { name: versionName }));
    if (found) pinned.set(functionId, found);
  }
  return { environment, deployment, release, pinned };
}

function existing<T>(reading: Promise<T>): Promise<T | undefined> {
  return unlessRefused("not_found", reading);
}

async function unlessRefused<T>(code: ErrorCode, asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof PlatformError && error.code === code) return undefined;
    throw error;
  }
}

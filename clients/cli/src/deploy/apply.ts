import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { PlatformError } from "@millrace/errors";
import { ApiServiceService, ImportOutcome, type ImportRemark } from "@millrace/proto/control/v1/apis";
import { type Deployment, DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { AccessMode, GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { idOf } from "../output/answer.ts";
import type { PlatformClient } from "../platform-client.ts";
import { uploadCode } from "../uploads/upload-code.ts";
import { type AliasStep, applyAlias } from "./aliases.ts";
import { backendMessage } from "./backend.ts";
import { readNewestRevision } from "./current.ts";
import type { DesiredFunction } from "./desired.ts";
import type { FunctionStep, GroupPlan, Plan, ReleaseStep, Step } from "./plan.ts";
import { rulesMessage } from "./routing-rules.ts";

export interface Deployed {
  group: string;
  environment: string;
  release: number;
  revision: string;
  state: Deployment["state"];
  pathUrl: string;
  hostUrl: string;
}

export interface ApplyDeps {
  platform: PlatformClient;
  /** `projects/{id}` */
  project: string;
  /** Told before each step that changes something. */
  onStep(step: Step): void;
  /** Told of elements of an imported document that the platform does not carry. */
  onNotCarried(group: string, remarks: readonly ImportRemark[]): void;
}

/** Does what a plan says, in its order, and answers the deployments that it speaks of. */
export async function applyPlan(plan: Plan, deps: ApplyDeps): Promise<Deployed[]> {
  const apply = new Apply(deps);
  await apply.project(plan.project);
  for (const step of plan.functions) await apply.function(step);
  for (const step of plan.aliases) await apply.alias(step);
  const deployed: Deployed[] = [];
  for (const group of plan.groups) deployed.push(...(await apply.group(group)));
  return deployed;
}

/** What the deployments are before anything is done; those of groups yet to be made are left out. */
export async function readDeployed(
  plan: Plan,
  { platform, project }: Pick<ApplyDeps, "platform" | "project">,
): Promise<Deployed[]> {
  const deployed: Deployed[] = [];
  for (const { group, releases } of plan.groups) {
    if (group.action === "create") continue;
    for (const { release } of releases)
      deployed.push(await describe(platform, project, group.name, release.environment));
  }
  return deployed;
}

class Apply {
  readonly #deps: ApplyDeps;

  constructor(deps: ApplyDeps) {
    this.#deps = deps;
  }

  async project(step: Step): Promise<void> {
    if (!this.#begin(step)) return;
    const request = { projectId: step.name, displayName: "", requestId: randomUUID() };
    await this.#deps.platform.call(ProjectServiceService.createProject, request);
  }

  async function(step: FunctionStep): Promise<void> {
    if (!this.#begin(step)) return;
    const { platform, project } = this.#deps;
    const { desired } = step;
    const name = `${project}/functions/${desired.id}`;
    const config = configOf(desired);
    const { description } = desired;
    if (step.action === "create") {
      const request = { parent: project, functionId: desired.id, description, config, requestId: randomUUID() };
      await platform.call(FunctionServiceService.createFunction, request);
    } else if (step.configure) {
      await platform.call(FunctionServiceService.updateFunction, { name, description, config, etag: "" });
    }
    if (step.upload) await named(`function ${desired.id}`, uploadCode(platform, name, desired.upload));
  }

  async alias(step: AliasStep): Promise<void> {
    if (!this.#begin(step)) return;
    const { platform, project } = this.#deps;
    await named(`alias ${step.name}`, applyAlias(platform, project, step));
  }

  async group(plan: GroupPlan): Promise<Deployed[]> {
    await this.#settings(plan);
    const revision = await this.#revision(plan);
    const { platform, project } = this.#deps;
    const deployed: Deployed[] = [];
    for (const step of plan.releases) {
      if (this.#begin(step)) await this.#release(plan.desired.id, revision, step);
      deployed.push(await describe(platform, project, plan.desired.id, step.release.environment));
    }
    return deployed;
  }

  async #settings({ group, desired }: GroupPlan): Promise<void> {
    if (!this.#begin(group)) return;
    const { platform, project } = this.#deps;
    const { id, description, prefix } = desired;
    const access = desired.access === "none" ? AccessMode.NONE : AccessMode.AUTHORIZED;
    if (group.action === "create") {
      const request = { parent: project, groupId: id, description, prefix, access, requestId: randomUUID() };
      await platform.call(GroupServiceService.createGroup, request);
    } else {
      const request = { name: `${project}/groups/${id}`, description, prefix, access, etag: "" };
      await platform.call(GroupServiceService.updateGroup, request);
    }
  }

  /** Answers the id of the revision that holds the desired APIs. */
  async #revision({ revision, desired, group }: GroupPlan): Promise<string> {
    if (!this.#begin(revision)) return revision.id!;
    const { platform, project } = this.#deps;
    const parent = `${project}/groups/${desired.id}`;
    const id = revision.id ?? (await this.#newRevision(parent, group.action === "create"));
    const importing = platform.call(ApiServiceService.importApis, {
      parent: `${parent}/revisions/${id}`,
      document: desired.document,
      validateOnly: false,
    });
    const { remarks } = await named(basename(desired.openapi), importing);
    this.#deps.onNotCarried(
      desired.id,
      remarks.filter(({ outcome }) => outcome === ImportOutcome.NOT_CARRIED),
    );
    return id;
  }

  /** A new group has its first revision already. */
  async #newRevision(parent: string, isFirst: boolean): Promise<string> {
    const { platform } = this.#deps;
    if (isFirst) return idOf((await readNewestRevision(platform, parent)).name);
    const request = { parent, revisionId: "", base: "", note: "", requestId: randomUUID() };
    return idOf((await platform.call(GroupServiceService.createRevision, request)).name);
  }

  async #release(group: string, revision: string, { release }: ReleaseStep): Promise<void> {
    const { platform, project } = this.#deps;
    const { environment, backend, rules, note } = release;
    await platform.call(DeploymentServiceService.createRelease, {
      name: `${project}/groups/${group}/deployments/${environment}`,
      revision,
      environmentBackend: backend && backendMessage(backend, project),
      routingRules: rules && rulesMessage(rules, project),
      note,
      requestId: randomUUID(),
      etag: "",
    });
  }

  #begin(step: Step): boolean {
    if (step.action === "unchanged") return false;
    this.#deps.onStep(step);
    return true;
  }
}

async function describe(
  platform: PlatformClient,
  project: string,
  group: string,
  environment: string,
): Promise<Deployed> {
  const name = `${project}/groups/${group}/deployments/${environment}`;
  const { release, revision, state, pathUrl, hostUrl } = await platform.call(DeploymentServiceService.getDeployment, {
    name,
  });
  return { group, environment, release, revision, state, pathUrl, hostUrl };
}

function configOf(desired: DesiredFunction) {
  const { handler, memoryMib, timeoutMs, concurrency, maxConcurrencyPerRunner, environment, secrets, egress } = desired;
  return { handler, memoryMib, timeoutMs, concurrency, maxConcurrencyPerRunner, environment, secrets, egress };
}

/** Says which part of the manifest a refusal is about. */
async function named<T>(what: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const { code, reason, metadata, violations } = error;
    throw new PlatformError(code, `${what}: ${error.message}`, { reason, metadata, violations, cause: error });
  }
}

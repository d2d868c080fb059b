import type { FunctionMessage } from "@millrace/proto/control/v1/functions";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { egressText } from "../egress.ts";
import { idOf } from "../output/answer.ts";
import { type AliasStep, planAlias } from "./aliases.ts";
import { backendMessage, backendText, draftFunctionOf } from "./backend.ts";
import type { Current, CurrentDeployment, CurrentGroup } from "./current.ts";
import type { Desired, DesiredFunction, DesiredGroup } from "./desired.ts";
import { isNewer, sortedText } from "./draft.ts";
import type { ManifestRelease } from "./manifest.ts";
import { rulesMessage, rulesText } from "./routing-rules.ts";

// What has to be done so that the platform holds what the manifest says. Nothing here asks or changes anything; running the plan and
// planning again gives a plan of nothing but `unchanged`.

export type PlanAction = "create" | "update" | "unchanged";

export interface Plan {
  project: Step;
  functions: FunctionStep[];
  aliases: AliasStep[];
  groups: GroupPlan[];
}

export interface Step {
  kind: "project" | "function" | "alias" | "group" | "revision" | "release";
  name: string;
  action: PlanAction;
  /** What is new or differs. */
  changes: string[];
}

export interface FunctionStep extends Step {
  desired: DesiredFunction;
  configure: boolean;
  upload: boolean;
}

export interface GroupPlan {
  desired: DesiredGroup;
  group: Step;
  revision: RevisionStep;
  releases: ReleaseStep[];
}

export interface RevisionStep extends Step {
  /** The revision to release, when it is there already. */
  id: string | undefined;
  import: boolean;
}

export interface ReleaseStep extends Step {
  release: ManifestRelease;
}

export interface PlanOptions {
  /** Send secrets although their names are the same; their values cannot be compared. */
  updateSecrets: boolean;
}

export function computePlan(desired: Desired, current: Current, options: PlanOptions): Plan {
  const functions = desired.functions.map((wanted) => planFunction(wanted, current.functions.get(wanted.id), options));
  const changed = new Set(functions.filter(({ action }) => action !== "unchanged").map(({ name }) => name));
  return {
    project: step("project", idOf(desired.project), current.projectExists ? "unchanged" : "create"),
    functions,
    aliases: functions.flatMap((step) => planAliases(step, current)),
    groups: desired.groups.map((wanted) =>
      planGroup(wanted, current.groups.get(wanted.id), { desired, current, changed }),
    ),
  };
}

/** Every step in the order in which they are done. */
export function stepsOf({ project, functions, aliases, groups }: Plan): Step[] {
  return [
    project,
    ...functions,
    ...aliases,
    ...groups.flatMap(({ group, revision, releases }) => [group, revision, ...releases]),
  ].map(({ kind, name, action, changes }) => ({ kind, name, action, changes }));
}

function planFunction(
  desired: DesiredFunction,
  current: FunctionMessage | undefined,
  { updateSecrets }: PlanOptions,
): FunctionStep {
  if (!current) {
    const created = step("function", desired.id, "create", ["code"]);
    return { ...created, desired, configure: true, upload: true };
  }
  const settings = configChanges(desired, current, updateSecrets);
  // Code is tried with the handler it will be called by, so another handler needs another try.
  const upload = current.code?.uploadDigest !== desired.upload.digest || settings.includes("handler");
  const changes = [...(upload ? ["code"] : []), ...settings];
  const action = changes.length > 0 ? "update" : "unchanged";
  return { ...step("function", desired.id, action, changes), desired, configure: settings.length > 0, upload };
}

function planAliases({ desired: { id, aliases }, action }: FunctionStep, current: Current): AliasStep[] {
  const scene = {
    draft: current.functions.get(id),
    draftChanges: action !== "unchanged",
    current: current.aliases.get(id),
  };
  return aliases.map((alias) => planAlias(id, alias, scene));
}

const DEFAULTS = { memoryMib: 128, timeoutMs: 10_000 };

function configChanges(desired: DesiredFunction, current: FunctionMessage, updateSecrets: boolean): string[] {
  const { config } = current;
  const changes: string[] = [];
  if (desired.description !== current.description) changes.push("description");
  if (desired.handler !== (config?.handler ?? "")) changes.push("handler");
  for (const key of ["memoryMib", "timeoutMs"] as const) {
    if ((desired[key] || DEFAULTS[key]) !== (config?.[key] || DEFAULTS[key])) changes.push(key);
  }
  for (const key of ["concurrency", "maxConcurrencyPerRunner"] as const) {
    if (desired[key] !== (config?.[key] ?? 0)) changes.push(key);
  }
  if (egressText(desired.egress) !== egressText(config?.egress)) changes.push("egress");
  if (sortedText(desired.environment) !== sortedText(config?.environment ?? {})) changes.push("environment");
  const names = Object.keys(desired.secrets).sort().join();
  const differ =
    names !==
    Object.keys(config?.secrets ?? {})
      .sort()
      .join();
  if (differ || (updateSecrets && names !== "")) changes.push("secrets");
  return changes;
}

interface Scene {
  desired: Desired;
  current: Current;
  /** Ids of functions that this plan changes. */
  changed: ReadonlySet<string>;
}

function planGroup(desired: DesiredGroup, current: CurrentGroup | undefined, scene: Scene): GroupPlan {
  const changes = current ? groupChanges(desired, current) : [];
  const group = step("group", desired.id, current ? actionFor(changes) : "create", changes);
  const revision = planRevision(desired, current);
  const releases = desired.releases.map((release) => {
    const found = current?.deployments.find(({ environment }) => environment === release.environment);
    const reasons = releaseReasons(release, found, { revision, group, apis: current?.apis ?? [], scene });
    const action = reasons.length === 0 ? "unchanged" : found?.release ? "update" : "create";
    return { ...step("release", `${desired.id} ${release.environment}`, action, reasons), release };
  });
  return { desired, group, revision, releases };
}

function groupChanges(desired: DesiredGroup, { group }: CurrentGroup): string[] {
  const changes: string[] = [];
  if (desired.description !== group.description) changes.push("description");
  if (desired.prefix !== group.prefix) changes.push("prefix");
  const access = group.access === AccessMode.NONE ? "none" : "authorized";
  if (desired.access !== access) changes.push("access");
  return changes;
}

/** A revision that is deployed stays as it is: a change goes into a new one. */
function planRevision({ id }: DesiredGroup, current: CurrentGroup | undefined): RevisionStep {
  if (!current) {
    return { ...step("revision", `${id} 0.0.1`, "create", ["APIs"]), id: undefined, import: true };
  }
  const changes = importChanges(current.importIntoNewest);
  const newest = idOf(current.newestRevision.name);
  if (changes.length === 0) return { ...step("revision", `${id} ${newest}`, "unchanged"), id: newest, import: false };
  const deployed = current.newestRevision.environments.length > 0;
  const name = deployed ? `${id} after ${newest}` : `${id} ${newest}`;
  const found = deployed ? undefined : newest;
  return { ...step("revision", name, deployed ? "create" : "update", changes), id: found, import: true };
}

function importChanges(trial: CurrentGroup["importIntoNewest"]): string[] {
  if (!trial) return ["APIs"];
  return [
    ...trial.created.map((name) => `+${idOf(name)}`),
    ...trial.updated.map((name) => `~${idOf(name)}`),
    ...trial.deleted.map((name) => `-${idOf(name)}`),
  ];
}

interface ReleaseScene {
  revision: RevisionStep;
  group: Step;
  apis: CurrentGroup["apis"];
  scene: Scene;
}

function releaseReasons(
  wanted: ManifestRelease,
  found: CurrentDeployment | undefined,
  { revision, group, apis, scene }: ReleaseScene,
): string[] {
  if (!found?.release) return ["first release"];
  const reasons: string[] = [];
  if (revision.import) reasons.push("APIs");
  else if (found.deployment.revision !== revision.id) reasons.push(`revision ${found.deployment.revision} is served`);
  if (group.changes.includes("prefix")) reasons.push("prefix");
  const backend = wanted.backend && backendMessage(wanted.backend, scene.desired.project);
  if (backend && backendText(backend) !== backendText(found.release.environmentBackend)) reasons.push("backend");
  const rules = wanted.rules && rulesMessage(wanted.rules, scene.desired.project);
  if (rules && rulesText(rules) !== rulesText(found.release.routingRules)) reasons.push("rules");
  const environmentBackend = backend ?? found.release.environmentBackend;
  const drafts = new Set(apis.map(({ definition }) => draftFunctionOf(definition?.backend ?? environmentBackend)));
  for (const id of drafts) {
    if (id === undefined) continue;
    const draft = scene.current.functions.get(id);
    const pinned = found.pinned.get(id);
    if (scene.changed.has(id) || (draft && pinned && isNewer(draft, pinned))) reasons.push(`function ${id}`);
  }
  return reasons;
}

function step(kind: Step["kind"], name: string, action: PlanAction, changes: string[] = []): Step {
  return { kind, name, action, changes };
}

function actionFor(changes: readonly string[]): PlanAction {
  return changes.length > 0 ? "update" : "unchanged";
}

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { deploymentStateToJSON } from "@millrace/proto/control/v1/deployments";
import { Option } from "commander";
import type { Registry } from "../command-line.ts";
import type { Context } from "../context.ts";
import { applyPlan, type Deployed, readDeployed } from "../deploy/apply.ts";
import { readCurrent } from "../deploy/current.ts";
import { readDesired } from "../deploy/desired.ts";
import { readManifest } from "../deploy/manifest.ts";
import { computePlan, type Plan, type Step, stepsOf } from "../deploy/plan.ts";
import type { Answer } from "../output/answer.ts";
import { askLine } from "../terminal.ts";

interface DeployOptions {
  dryRun?: boolean;
  yes?: boolean;
  updateSecrets?: boolean;
}

export function registerDeploy(registry: Registry): void {
  registry.command<DeployOptions>({
    usage: "deploy [dir]",
    description: "make the platform hold what millrace.yaml says: functions, API groups, releases",
    options: [
      new Option("--dry-run", "show the plan and change nothing"),
      new Option("-y, --yes", "do not ask at a terminal"),
      new Option("--update-secrets", "send secrets again; their values cannot be compared"),
    ],
    examples: ["millrace deploy examples/petstore", "millrace deploy --dry-run --output json"],
    run: deploy,
  });
}

async function deploy(context: Context, [dir = "."]: string[], options: DeployOptions): Promise<Answer> {
  const file = manifestFile(resolve(context.terminal.cwd, dir));
  const manifest = readManifest(file);
  const asked = context.options.project ?? manifest.project;
  const project = asked === undefined ? context.project : `projects/${asked}`;
  const desired = await readDesired(manifest, project);
  const { platform } = context;
  const plan = computePlan(desired, await readCurrent(platform, desired), {
    updateSecrets: options.updateSecrets === true,
  });
  const steps = stepsOf(plan);
  context.say(`Plan for ${project}, from ${file}\n${steps.map(planLine).join("\n")}`);
  if (options.dryRun || !(await confirmed(context, plan, options))) {
    const remark = options.dryRun ? "" : "Nothing was changed.";
    return answer({ steps, deployed: await readDeployed(plan, { platform, project }), notCarried: [], remark });
  }
  const hasChanges = steps.some(({ action }) => action !== "unchanged");
  if (hasChanges) context.say("Deploying");
  const notCarried: NotCarried[] = [];
  const deployed = await applyPlan(plan, {
    platform,
    project,
    onStep: ({ kind, name }) => context.say(`  ${kind} ${name} …`),
    onNotCarried: (group, remarks) =>
      notCarried.push(...remarks.map(({ pointer, what, advice }) => ({ group, element: pointer, what, advice }))),
  });
  return answer({ steps, deployed, notCarried, remark: hasChanges ? "" : "Nothing to do." });
}

/** What a document says and the platform does not know. */
interface NotCarried {
  group: string;
  element: string;
  /** What happened to it. */
  what: string;
  /** What can be done; empty when nothing needs to be. */
  advice: string;
}

function manifestFile(path: string): string {
  try {
    return statSync(path).isDirectory() ? join(path, "millrace.yaml") : path;
  } catch {
    throw invalidFields([{ field: "dir", description: `names ${path}, which does not exist` }]);
  }
}

/** Programs are not asked. */
async function confirmed({ json, terminal }: Context, plan: Plan, { yes }: DeployOptions): Promise<boolean> {
  const hasChanges = stepsOf(plan).some(({ action }) => action !== "unchanged");
  if (yes || json || !hasChanges || !terminal.stdin.isTTY || !terminal.stdout.isTTY) return true;
  return /^y(es)?$/i.test((await askLine(terminal, "Deploy? [y/N] ")).trim());
}

const SIGNS = { create: "+", update: "~", unchanged: "=" } as const;

function planLine({ kind, name, action, changes }: Step): string {
  return `  ${SIGNS[action]} ${kind} ${name}${changes.length > 0 ? ` (${changes.join(", ")})` : ""}`;
}

interface Outcome {
  steps: readonly Step[];
  deployed: readonly Deployed[];
  notCarried: readonly NotCarried[];
  remark: string;
}

function answer({ steps, deployed, notCarried, remark }: Outcome): Answer {
  const deployments = deployed.map(({ state, ...rest }) => ({ ...rest, state: deploymentStateToJSON(state) }));
  const lines = [...(remark === "" ? [] : [remark]), ...notCarried.map(notCarriedLine), ...deployed.map(deployedLine)];
  return { json: { plan: steps, deployments, notCarried }, text: lines.join("\n") };
}

function notCarriedLine({ group, element, what, advice }: NotCarried): string {
  return `  ! not carried into ${group}: ${element}: ${what}${advice === "" ? "" : `; ${advice}`}`;
}

function deployedLine({ group, environment, release, revision, pathUrl }: Deployed): string {
  if (release === 0) return `${group} ${environment}: not released`;
  return `${group} ${environment}: ${pathUrl} (release ${release}, revision ${revision})`;
}

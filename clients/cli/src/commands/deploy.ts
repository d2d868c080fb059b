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
  for (const { revision } of plan.groups) {
    for (const element of revision.notCarried) context.say(`  ! not carried: ${element}`);
  }
  const deps = { platform, project, onStep: (step: Step) => context.say(`  ${step.kind} ${step.name} …`) };
  if (options.dryRun || !(await confirmed(context, plan, options))) {
    return answer(steps, await readDeployed(plan, deps), options.dryRun ? "" : "Nothing was changed.");
  }
  const hasChanges = steps.some(({ action }) => action !== "unchanged");
  if (hasChanges) context.say("Deploying");
  const deployed = await applyPlan(plan, deps);
  return answer(steps, deployed, hasChanges ? "" : "Nothing to do.");
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

function answer(plan: readonly Step[], deployed: readonly Deployed[], remark: string): Answer {
  const deployments = deployed.map(({ state, ...rest }) => ({ ...rest, state: deploymentStateToJSON(state) }));
  const lines = deployed.map(
    ({ group, environment, release, revision, pathUrl }) =>
      `${group} ${environment}: ${pathUrl || "not released"}${release > 0 ? ` (release ${release}, revision ${revision})` : ""}`,
  );
  return { json: { plan, deployments }, text: [...(remark === "" ? [] : [remark]), ...lines].join("\n") };
}

import { LIMITS } from "../limits.ts";
import { Violations } from "../requests/violations.ts";

export interface AliasTarget {
  version: number;
  /** Percent. */
  weight: number;
}

export interface Alias {
  functionUid: string;
  id: string;
  description: string;
  targets: readonly AliasTarget[];
  /** Kept loaded on each runner, of each version. */
  minInstances: number;
  /** Rises with every change. */
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

/** One target with weight 100, or two different ones whose weights sum to 100. */
export function checkTargets(targets: readonly AliasTarget[]): void {
  const violations = new Violations();
  violations.unless(targets.length === 1 || targets.length === 2, "targets", "must be one or two");
  targets.forEach(({ version, weight }, i) => {
    violations.unless(version >= 1, `targets[${i}].version`, "must be a version number");
    violations.unless(weight >= 1 && weight <= 100, `targets[${i}].weight`, "must be from 1 to 100");
  });
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  violations.unless(sum === 100, "targets", `the weights must sum to 100, not ${sum}`);
  const distinct = new Set(targets.map(({ version }) => version)).size === targets.length;
  violations.unless(distinct, "targets", "must be different versions");
  violations.throwIfAny();
}

export function checkMinInstances(minInstances: number): void {
  const violations = new Violations();
  const { minInstancesMax } = LIMITS;
  const fits = minInstances >= 0 && minInstances <= minInstancesMax;
  violations.unless(fits, "min_instances", `must be from 0 to ${minInstancesMax}`);
  violations.throwIfAny();
}

/** The version to call; `random` is from 0 to below 1. */
export function pickTarget(targets: readonly AliasTarget[], random: number): number {
  const [first, second] = targets;
  return second && random * 100 >= first!.weight ? second.version : first!.version;
}

export function describeTargets(targets: readonly AliasTarget[]): string {
  return targets.map(({ version, weight }) => `version ${version} (${weight} %)`).join(", ");
}

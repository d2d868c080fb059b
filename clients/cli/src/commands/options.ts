import { invalidFields } from "@millrace/errors";
import { ENVIRONMENTS } from "@millrace/names";
import { InvalidArgumentError, Option } from "commander";

// Options that several commands take, and how their values are read.

export interface DeploymentOptions {
  group: string;
  env: string;
}

/** `project` is `projects/{id}`. */
export function deploymentName(project: string, { group, env }: DeploymentOptions): string {
  return `${project}/groups/${group}/deployments/${env}`;
}

export function groupOption(): Option {
  return new Option("-g, --group <id>", "the API group").makeOptionMandatory();
}

export function environmentOption(): Option {
  return new Option("-e, --env <environment>", "the environment").choices(ENVIRONMENTS).makeOptionMandatory();
}

export function descriptionOption(): Option {
  return new Option("--description <text>", "what it is for");
}

/** Reads a whole number within bounds. */
export function integerOption(flags: string, description: string, min: number, max: number): Option {
  return new Option(flags, description).argParser((text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  });
}

/** May be given several times. */
export function listOption(flags: string, description: string): Option {
  return new Option(flags, description).default([], "none").argParser((text, before: string[]) => [...before, text]);
}

/** `KEY=value` pairs as a map. */
export function readPairs(pairs: readonly string[], field: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw invalidFields([{ field, description: "must be KEY=value" }]);
    map[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return map;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time, or how long ago; undefined for none. `field` names the option in the error. */
export function readTime(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS_MS[unit]!;
  if (Number.isNaN(time)) throw invalidFields([{ field, description: "must be like 10m, 2h, or a time" }]);
  return new Date(time);
}

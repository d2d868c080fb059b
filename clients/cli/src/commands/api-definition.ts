import { resolve } from "node:path";
import { invalidFields } from "@millrace/errors";
import { ApiDefinition, MatchType, Parameter, ParameterLocation, ParameterType } from "@millrace/proto/control/v1/apis";
import { parse } from "yaml";
import type { Context } from "../context.ts";
import { readText } from "../terminal.ts";
import { type BackendOptions, backendOf } from "./backend-options.ts";
import { withoutWords, wordsText } from "./definition-words.ts";
import { backendRequestOf, type MappingOptions } from "./mapping-options.ts";

export const MATCHES = { exact: MatchType.EXACT, prefix: MatchType.PREFIX } as const;
type MatchWord = keyof typeof MATCHES;

export interface DefinitionOptions extends BackendOptions, MappingOptions {
  definition?: string;
  method?: string;
  path?: string;
  match?: MatchWord;
  description?: string;
}

/** The definition that the options make of the one before. */
export function readDefinition(
  { project, terminal }: Context,
  options: DefinitionOptions,
  before: ApiDefinition | undefined,
): ApiDefinition {
  const start =
    options.definition === undefined
      ? (before ?? ApiDefinition.create())
      : parseDefinition(readText(resolve(terminal.cwd, options.definition), "--definition"));
  const { method, path, match, description } = options;
  return {
    ...start,
    backend: backendOf(options, project) ?? start.backend,
    backendRequest: backendRequestOf(options, start.backendRequest),
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path, parameters: parametersOf(path, start.parameters) }),
    ...(match !== undefined && { match: MATCHES[match] }),
    ...(description !== undefined && { description }),
  };
}

/** A path's parameters must be declared: those of a new path that are not yet are text, and those of the old path go with it. */
function parametersOf(path: string, before: readonly Parameter[]): Parameter[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const kept = before.filter(({ location, name }) => location !== ParameterLocation.PATH || names.includes(name));
  const missing = names.filter(
    (name) => !kept.some((each) => each.location === ParameterLocation.PATH && each.name === name),
  );
  const text = { location: ParameterLocation.PATH, type: ParameterType.STRING, required: true };
  return [...kept, ...missing.map((name) => Parameter.create({ name, ...text }))];
}

const LOST = "is no field of an API's definition, or has a wrong value";

/** The generated decoder passes over what it does not know, so what did not come through is looked for. */
function parseDefinition(text: string): ApiDefinition {
  let value: unknown;
  try {
    value = withoutWords(parse(text));
  } catch {
    throw invalidFields([{ field: "--definition", description: "is neither JSON nor YAML" }]);
  }
  const definition = ApiDefinition.fromJSON(value);
  const lost = [...lostKeys(value, ApiDefinition.toJSON(definition), "")];
  if (lost.length > 0)
    throw invalidFields(
      lost.map((field) => ({ field, description: wordsText(field.slice(field.lastIndexOf(".") + 1)) ?? LOST })),
    );
  return definition;
}

function* lostKeys(given: unknown, kept: unknown, path: string): Generator<string> {
  if (kept === "UNRECOGNIZED" || (isObject(kept) && !isObject(given) && !isDefault(given))) yield path;
  if (!isObject(given)) return;
  for (const [key, value] of Object.entries(given)) {
    const at = path === "" ? key : `${path}.${key}`;
    const into = Object(kept)[key];
    if (into === undefined && !isDefault(value)) yield at;
    else yield* lostKeys(value, into, at);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isDefault(value: unknown): boolean {
  return value === 0 || value === "" || value === false || value === null || Object.keys(Object(value)).length === 0;
}

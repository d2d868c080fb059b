import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import {
  type ApiDefinition,
  type Backend,
  type Body,
  LOCATIONS,
  type Location,
  MATCHES,
  type Match,
  METHODS,
  type Method,
  PARAMETER_TYPES,
  type Parameter,
  type ParameterType,
} from "./api.ts";
import { type BackendDraft, readBackend } from "./backend-draft.ts";
import { isJsonSchema, isJsonType, JSON_FAULT, jsonOf } from "./draft-text.ts";
import { pathFault, placeholdersOf } from "./route.ts";

// A definition as it comes in, over gRPC or from a document: words may be unknown, texts too long. Reading it collects every fault.

export interface ParameterDraft extends Omit<Parameter, "location" | "type"> {
  location: string;
  type: string;
}

export interface ApiDraft extends Omit<ApiDefinition, "method" | "match" | "parameters" | "backend"> {
  method: string;
  match: string;
  parameters: readonly ParameterDraft[];
  backend: BackendDraft | undefined;
}

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;
const PARAMETER_NAME = /^[^\p{Cc}]{1,256}$/u;
const MEDIA_TYPE =
  /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+*-]+(; *[A-Za-z0-9_-]+=("[\x20\x21\x23-\x7e]*"|[A-Za-z0-9_.+-]+))*$/;

/** The definition that a draft means; its faults are added to `violations` under `at`. Use it only when there are none. */
export function readDefinition(
  draft: ApiDraft,
  project: string,
  violations: Violations,
  at = "definition",
): ApiDefinition {
  const { method, path, match, description, requestBody, responseBody } = draft;
  violations.unless(METHODS.includes(method as Method), `${at}.method`, `must be one of ${METHODS.join(", ")}`);
  violations.unless(MATCHES.includes(match as Match), `${at}.match`, "must be exact or prefix");
  const fault = pathFault(path, match);
  if (fault) violations.add(`${at}.path`, fault);
  violations.text(description, `${at}.description`, LIMITS.descriptionCharsMax);
  checkParameters(violations, `${at}.parameters`, draft.parameters, fault ? undefined : placeholdersOf(path));
  checkBody(violations, `${at}.request_body`, requestBody);
  checkBody(violations, `${at}.response_body`, responseBody);
  const backend = draft.backend && readBackend(draft.backend, project, violations, `${at}.backend`);
  const definition = settled(draft, backend);
  violations.unless(
    Buffer.byteLength(JSON.stringify(definition)) <= LIMITS.definitionBytesMax,
    at,
    `must have at most ${LIMITS.definitionBytesMax} bytes in all`,
  );
  return definition;
}

function settled(draft: ApiDraft, backend: Backend | undefined): ApiDefinition {
  const { path, description, requestBody, responseBody } = draft;
  const parameters = draft.parameters.map((parameter) => ({
    ...parameter,
    location: parameter.location as Location,
    type: parameter.type as ParameterType,
    required: parameter.required || parameter.location === "path",
  }));
  const method = draft.method as Method;
  return { method, path, match: draft.match as Match, description, parameters, requestBody, responseBody, backend };
}

/** `placeholders` are the path's, or undefined when the path itself is wrong. */
function checkParameters(
  violations: Violations,
  at: string,
  parameters: readonly ParameterDraft[],
  placeholders: readonly string[] | undefined,
): void {
  violations.unless(parameters.length <= LIMITS.parametersMax, at, `must be at most ${LIMITS.parametersMax}`);
  const seen = new Set<string>();
  parameters.slice(0, LIMITS.parametersMax).forEach((parameter, i) => {
    const field = `${at}[${i}]`;
    checkParameter(violations, field, parameter);
    const { name, location } = parameter;
    const identity = `${location} ${location === "header" ? name.toLowerCase() : name}`;
    violations.unless(!seen.has(identity), `${field}.name`, `declares the ${location} parameter ${name} twice`);
    seen.add(identity);
    if (location === "path" && placeholders && !placeholders.includes(name)) {
      violations.add(`${field}.name`, `names no parameter of the path`);
    }
  });
  for (const name of placeholders ?? []) {
    violations.unless(seen.has(`path ${name}`), at, `must declare the path's parameter ${name}`);
  }
}

function checkParameter(violations: Violations, at: string, parameter: ParameterDraft): void {
  const { name, location, type, description, defaultJson, schemaJson } = parameter;
  const pattern = location === "header" ? HEADER_NAME : PARAMETER_NAME;
  violations.unless(pattern.test(name), `${at}.name`, "is no usable name");
  violations.unless(LOCATIONS.includes(location as Location), `${at}.location`, "must be path, query or header");
  violations.unless(
    PARAMETER_TYPES.includes(type as ParameterType),
    `${at}.type`,
    "must be string, integer, number, boolean or array",
  );
  violations.text(description, `${at}.description`, LIMITS.descriptionCharsMax);
  const { parameterSchemaBytesMax } = LIMITS;
  violations.text(defaultJson, `${at}.default_json`, parameterSchemaBytesMax);
  violations.text(schemaJson, `${at}.schema_json`, parameterSchemaBytesMax);
  if (defaultJson !== "")
    violations.unless(hasType(defaultJson, type), `${at}.default_json`, `must be JSON of a ${type}`);
  if (schemaJson !== "") violations.unless(isJsonSchema(schemaJson), `${at}.schema_json`, JSON_FAULT);
}

function checkBody(violations: Violations, at: string, body: Body | undefined): void {
  if (!body) return;
  violations.unless(
    MEDIA_TYPE.test(body.mediaType) && body.mediaType.length <= 256,
    `${at}.media_type`,
    "must be a media type such as application/json",
  );
  const bytes = Buffer.byteLength(body.schema);
  const { bodySchemaBytesMax } = LIMITS;
  violations.unless(bytes <= bodySchemaBytesMax, `${at}.schema`, `must have at most ${bodySchemaBytesMax} bytes`);
  violations.unless(!body.schema.includes("\0"), `${at}.schema`, "must not hold the character NUL");
  if (body.schema !== "" && isJsonType(body.mediaType)) {
    violations.unless(isJsonSchema(body.schema), `${at}.schema`, JSON_FAULT);
  }
}

function hasType(json: string, type: string): boolean {
  const value = jsonOf(json);
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return typeof value === type;
}

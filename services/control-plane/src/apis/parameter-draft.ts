import { isHeaderName, isPassedOn } from "@millrace/names";
import { LIMITS } from "../limits.ts";
import type { Violations } from "../requests/violations.ts";
import {
  ARRAY_FORMATS,
  type ArrayFormat,
  LOCATIONS,
  type Location,
  PARAMETER_TYPES,
  type Parameter,
  type ParameterType,
} from "./api.ts";
import { isJsonSchema, JSON_FAULT, jsonOf } from "./draft-text.ts";

// Parameters of a definition as they come in.

export interface ParameterDraft extends Omit<Parameter, "location" | "type" | "arrayFormat"> {
  location: string;
  type: string;
  /** Empty for the default. */
  arrayFormat: string;
}

const PARAMETER_NAME = /^[^\p{Cc}]{1,256}$/u;

/** `placeholders` are the path's, or undefined when the path itself is wrong. */
export function checkParameters(
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
  const { name, location, type, description, defaultJson, schemaJson, exampleJson, arrayFormat } = parameter;
  const nameFault = location === "header" ? headerFault(name) : PARAMETER_NAME.test(name) ? null : "is no usable name";
  if (nameFault) violations.add(`${at}.name`, nameFault);
  violations.unless(LOCATIONS.includes(location as Location), `${at}.location`, "must be path, query or header");
  violations.unless(
    PARAMETER_TYPES.includes(type as ParameterType),
    `${at}.type`,
    "must be string, integer, number, boolean or array",
  );
  violations.text(description, `${at}.description`, LIMITS.apiDescriptionCharsMax);
  const { parameterSchemaBytesMax } = LIMITS;
  violations.text(defaultJson, `${at}.default_json`, parameterSchemaBytesMax);
  violations.text(schemaJson, `${at}.schema_json`, parameterSchemaBytesMax);
  violations.text(exampleJson, `${at}.example_json`, parameterSchemaBytesMax);
  if (defaultJson !== "")
    violations.unless(hasType(defaultJson, type), `${at}.default_json`, `must be JSON of a ${type}`);
  if (schemaJson !== "") violations.unless(isJsonSchema(schemaJson), `${at}.schema_json`, JSON_FAULT);
  if (exampleJson !== "")
    violations.unless(jsonOf(exampleJson) !== undefined, `${at}.example_json`, "must be JSON text");
  const fault = arrayFormatFault(arrayFormat, type, location);
  if (fault) violations.add(`${at}.array_format`, fault);
}

/** Why callers cannot send the header to a backend. */
export function headerFault(name: string): string | null {
  if (!isHeaderName(name)) {
    const isUnderscored = isHeaderName(name.replaceAll("_", "-"));
    return isUnderscored ? "must have no underscore: gateways refuse requests with such a header" : "is no usable name";
  }
  return isPassedOn(name.toLowerCase()) ? null : "is a header that gateways pass on from nobody";
}

function arrayFormatFault(format: string, type: string, location: string): string | undefined {
  if (format === "") return undefined;
  if (!ARRAY_FORMATS.includes(format as ArrayFormat)) return `must be one of ${ARRAY_FORMATS.join(", ")}`;
  if (type !== "array") return "is of arrays only";
  return format === "comma" || location === "query" ? undefined : "must be comma outside of a query";
}

/** With defaults said. */
export function settledParameter(parameter: ParameterDraft): Parameter {
  const { location, type, arrayFormat, required } = parameter;
  return {
    ...parameter,
    location: location as Location,
    type: type as ParameterType,
    required: required || location === "path",
    arrayFormat: type === "array" ? ((arrayFormat || defaultFormatIn(location)) as ArrayFormat) : "",
  };
}

/** OpenAPI's default. */
export function defaultFormatIn(location: string): ArrayFormat {
  return location === "query" ? "repeated" : "comma";
}

function hasType(json: string, type: string): boolean {
  const value = jsonOf(json);
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return typeof value === type;
}

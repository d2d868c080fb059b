import { LOCATIONS, type Location, PARAMETER_TYPES, type ParameterType } from "../apis/api.ts";
import { headerFault, type ParameterDraft } from "../apis/parameter-draft.ts";
import { LIMITS } from "../limits.ts";
import { formatOfCollection, formatOfStyle } from "./array-format.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Located } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import { TEXT_EXTENSION, type Tools } from "./tools.ts";

const CARRIED = new Set([
  ...["name", "in", "required", "description", "schema", "deprecated", "example", "style", "explode"],
  TEXT_EXTENSION,
]);
/** OpenAPI 2.0's, whose parameters are schemas themselves. */
const CARRIED_20 = new Set(["name", "in", "required", "description", "collectionFormat"]);
export const SCHEMA_WORDS_20 = [
  ...["type", "format", "items", "default", "enum", "pattern", "multipleOf", "uniqueItems", "x-nullable"],
  ...["maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
  ...["maxLength", "minLength", "maxItems", "minItems"],
];

/** Parameters of an operation, and of its path, as they stand: of equal ones the operation's. */
export function locateParameters(levels: readonly Located[], { references, report }: Tools): Located[] {
  const byIdentity = new Map<string, Located>();
  for (const { value, pointer } of levels) {
    if (value.parameters === undefined) continue;
    const at = pointerTo(pointer, "parameters");
    if (!Array.isArray(value.parameters)) {
      report.fault(at, "must be a list");
      continue;
    }
    if (value.parameters.length > LIMITS.parametersMax) {
      report.fault(at, `must be at most ${LIMITS.parametersMax}`);
      continue;
    }
    value.parameters.forEach((item, i) => {
      const located = references.follow(item, pointerTo(at, i));
      if (!located) return;
      const { name, in: location } = located.value;
      if (typeof name !== "string" || typeof location !== "string") {
        report.fault(located.pointer, "must have a name and say where it is");
      } else byIdentity.set(`${location} ${name}`, located);
    });
  }
  for (const { pointer } of byIdentity.values()) references.use(pointer);
  return [...byIdentity.values()];
}

/** Of those in path, query and header; others are said not to be carried, as are headers that gateways take from nobody. */
export function readParameters(located: readonly Located[], tools: Tools): ParameterDraft[] {
  return located.flatMap(({ value, pointer }) => {
    const fault = value.in === "header" ? headerFault(value.name as string) : null;
    if (fault) {
      tools.report.drop(pointer, `the name of a header ${fault}`, "give the parameter another name");
      return [];
    }
    if (LOCATIONS.includes(value.in as Location)) return [readParameter({ value, pointer }, tools)];
    tools.report.drop(
      pointer,
      `there are no parameters in ${String(value.in).slice(0, 20)}`,
      "read it in the function",
    );
    return [];
  });
}

function readParameter({ value, pointer }: Located, { document, schemas, report }: Tools): ParameterDraft {
  const is20 = document.version === "2.0";
  report.dropRest(value, pointer, is20 ? new Set([...CARRIED_20, ...SCHEMA_WORDS_20]) : CARRIED);
  const schemaPointer = is20 ? pointer : pointerTo(pointer, "schema");
  const written = is20 ? schemaOf20(value) : value.schema;
  const schema = written === undefined ? {} : schemas.standAlone(written, schemaPointer);
  const { type, bounds } = typeOf(schema, schemaPointer, report);
  const { default: preset, ...rest } = bounds;
  const text = is20 ? "" : textOf(value, TEXT_EXTENSION, pointer, report);
  const format = { value, pointer, type, report };
  if (value.in === "path" && value.required !== true) {
    report.change(pointerTo(pointer, "required"), "a parameter of the path is always required");
  }
  return {
    name: value.name as string,
    location: value.in as string,
    type,
    required: flagOf(value, "required", pointer, report),
    description: textOf(value, "description", pointer, report),
    defaultJson: preset === undefined ? "" : schemas.json(preset),
    schemaJson: text || (Object.keys(rest).length === 0 ? "" : schemas.json(rest)),
    deprecated: flagOf(value, "deprecated", pointer, report),
    exampleJson: is20 || value.example === undefined ? "" : schemas.json(value.example),
    arrayFormat: is20 ? formatOfCollection(format) : formatOfStyle(format),
  };
}

/** What a parameter of OpenAPI 2.0 says as a schema. */
export function schemaOf20(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => SCHEMA_WORDS_20.includes(key)));
}

/** The type of a parameter, and what its schema says beside that. What is no single known type is taken as text, and said. */
function typeOf(schema: unknown, pointer: string, report: ImportReport): { type: string; bounds: JsonObject } {
  if (!isObject(schema)) return { type: "string", bounds: {} };
  const { type, ...bounds } = schema;
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== "null");
  const [only] = types;
  if (types.length === 1 && PARAMETER_TYPES.includes(only as ParameterType)) {
    if (!Array.isArray(type)) return { type: only as string, bounds };
    report.change(pointerTo(pointer, "type"), `a parameter has one type: ${only}, and is never null`);
    const values = Array.isArray(bounds.enum) ? { enum: bounds.enum.filter((value) => value !== null) } : {};
    return { type: only as string, bounds: { ...bounds, ...values } };
  }
  if (type !== undefined) {
    const advice = "give it a type, or send it in the body";
    report.drop(pointer, "a parameter is a string, an integer, a number, a boolean or an array", advice);
    return { type: "string", bounds: {} };
  }
  const referred = definitionOf(schema);
  if (referred) return { ...typeOf(referred, pointer, report), bounds };
  report.change(pointer, "a parameter has one type: string, when none is said");
  return { type: "string", bounds };
}

/** The definition that a schema consists of a reference to. */
function definitionOf({ $ref, $defs }: JsonObject): unknown {
  if (typeof $ref !== "string" || !isObject($defs)) return undefined;
  return $defs[$ref.replace("#/$defs/", "")];
}

export function flagOf(value: JsonObject, key: string, pointer: string, report: ImportReport): boolean {
  const flag = value[key];
  if (flag !== undefined && typeof flag !== "boolean") report.fault(pointerTo(pointer, key), "must be true or false");
  return flag === true;
}

export function textOf(value: JsonObject, key: string, pointer: string, report: ImportReport): string {
  const text = value[key];
  if (text === undefined) return "";
  if (typeof text === "string") return text;
  report.fault(pointerTo(pointer, key), "must be a text");
  return "";
}

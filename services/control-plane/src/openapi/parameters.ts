import { LOCATIONS, type Location, PARAMETER_TYPES, type ParameterType } from "../apis/api.ts";
import type { ParameterDraft } from "../apis/api-draft.ts";
import { isObject, type JsonObject } from "./document.ts";
import type { Located, References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";
import type { SchemaTexts } from "./schema-text.ts";

const CARRIED = new Set(["name", "in", "required", "description", "schema"]);

/** Parameters of an operation: its own, and those of its path that it does not replace. */
export function readParameters(
  levels: readonly Located[],
  { references, schemas, report }: { references: References; schemas: SchemaTexts; report: ImportReport },
): ParameterDraft[] {
  const byIdentity = new Map<string, ParameterDraft>();
  for (const { value, pointer } of levels) {
    if (value.parameters === undefined) continue;
    const at = pointerTo(pointer, "parameters");
    if (!Array.isArray(value.parameters)) {
      report.fault(at, "must be a list");
      continue;
    }
    value.parameters.forEach((item, i) => {
      const located = references.follow(item, pointerTo(at, i));
      const draft = located && readParameter(located, schemas, report);
      if (draft) byIdentity.set(`${draft.location} ${draft.name}`, draft);
    });
  }
  return [...byIdentity.values()];
}

function readParameter(
  { value, pointer }: Located,
  schemas: SchemaTexts,
  report: ImportReport,
): ParameterDraft | undefined {
  const { name, in: location } = value;
  if (typeof name !== "string" || typeof location !== "string") {
    report.fault(pointer, "must have a name and say where it is");
    return undefined;
  }
  if (!LOCATIONS.includes(location as Location)) {
    report.drop(pointer);
    return undefined;
  }
  report.dropRest(value, pointer, CARRIED);
  const schemaPointer = pointerTo(pointer, "schema");
  const schema = value.schema === undefined ? {} : schemas.standAlone(value.schema, schemaPointer);
  const { type, bounds } = typeOf(schema, schemaPointer, report);
  const { default: preset, ...rest } = bounds;
  const description = typeof value.description === "string" ? value.description : "";
  return {
    name,
    location,
    type,
    required: value.required === true,
    description,
    defaultJson: preset === undefined ? "" : JSON.stringify(preset),
    schemaJson: Object.keys(rest).length === 0 ? "" : JSON.stringify(rest),
  };
}

/** The type of a parameter, and what its schema says beside that. What is no single known type is taken as text, and said. */
function typeOf(schema: unknown, pointer: string, report: ImportReport): { type: string; bounds: JsonObject } {
  if (!isObject(schema)) return { type: "string", bounds: {} };
  const { type, ...bounds } = schema;
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== "null");
  const [only] = types;
  if (types.length === 1 && PARAMETER_TYPES.includes(only as ParameterType)) return { type: only as string, bounds };
  if (type !== undefined) {
    report.drop(pointer);
    return { type: "string", bounds: {} };
  }
  const referred = definitionOf(schema);
  return referred ? { ...typeOf(referred, pointer, report), bounds } : { type: "string", bounds };
}

/** The definition that a schema consists of a reference to. */
function definitionOf({ $ref, $defs }: JsonObject): unknown {
  if (typeof $ref !== "string" || !isObject($defs)) return undefined;
  return $defs[$ref.replace("#/$defs/", "")];
}

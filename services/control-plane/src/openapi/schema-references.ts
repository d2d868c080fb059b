import { isObject, type JsonObject } from "./document.ts";

// Where in a schema references are: not in what is data, and not in a property that is called $ref.

const DATA = new Set(["enum", "const", "default", "example", "examples", "xml", "externalDocs", "required"]);
const NAMED = new Set(["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]);

/** A copy of a schema with every reference changed, those in mappings of discriminators too. */
export function mapReferences(schema: unknown, change: ($ref: string) => string): unknown {
  if (Array.isArray(schema)) return schema.map((child) => mapReferences(child, change));
  if (!isObject(schema)) return schema;
  return mapValues(schema, (value, key) => {
    if (key === "$ref" && typeof value === "string") return change(value);
    if (key === "discriminator" && isObject(value) && isObject(value.mapping)) {
      const isReference = (meant: unknown): meant is string => typeof meant === "string" && meant.startsWith("#/");
      return { ...value, mapping: mapValues(value.mapping, (meant) => (isReference(meant) ? change(meant) : meant)) };
    }
    if (DATA.has(key) || key.startsWith("x-")) return value;
    if (NAMED.has(key) && isObject(value)) return mapValues(value, (child) => mapReferences(child, change));
    return mapReferences(value, change);
  });
}

export function referencesOf(schema: unknown): string[] {
  const found: string[] = [];
  mapReferences(schema, ($ref) => {
    found.push($ref);
    return $ref;
  });
  return found;
}

function mapValues(object: JsonObject, change: (value: unknown, key: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}

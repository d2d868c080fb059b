import type { JsonObject } from "./document.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// What OpenAPI 2.0 and 3.0 say in words of their own, said as JSON Schema 2020-12 does.

export type OpenApiVersion = "2.0" | "3.0" | "3.1";

/** What a schema of any version, or of another one, could say, and linters take for a fault. */
const MEANINGLESS = [
  ["collectionFormat", "only a parameter of OpenAPI 2.0 has one"],
  ["nullable", "only OpenAPI 3.0 has it; name null among the types"],
] as const;

export function modernized(
  schema: Record<string, unknown>,
  pointer: string,
  version: OpenApiVersion,
  report: ImportReport,
): JsonObject {
  for (const [word, why] of MEANINGLESS) {
    if (schema[word] === undefined || (word === "nullable" && version === "3.0")) continue;
    report.drop(pointerTo(pointer, word), why);
    delete schema[word];
  }
  if (version === "3.1") return schema;
  const word = version === "2.0" ? "x-nullable" : "nullable";
  const { [word]: nullable, exclusiveMinimum, exclusiveMaximum, ...changed } = schema;
  if (typeof nullable === "boolean") setNullable(changed, nullable, pointerTo(pointer, word), report);
  else if (nullable !== undefined) report.drop(pointerTo(pointer, word), "it is neither true nor false");
  setExclusive(changed, "minimum", { value: exclusiveMinimum, pointer, report });
  setExclusive(changed, "maximum", { value: exclusiveMaximum, pointer, report });
  if (version === "2.0") {
    if (changed.type === "file") Object.assign(changed, { type: "string", format: "binary" });
    if (typeof changed.discriminator === "string") changed.discriminator = { propertyName: changed.discriminator };
  }
  return changed;
}

function setNullable(schema: Record<string, unknown>, nullable: boolean, pointer: string, report: ImportReport): void {
  if (!nullable) return;
  const isTyped = typeof schema.type === "string";
  if (isTyped) schema.type = [schema.type, "null"];
  if (Array.isArray(schema.enum) && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
  if (!isTyped && !Array.isArray(schema.enum)) {
    report.drop(pointer, "it means nothing beside a schema without type", "write anyOf with a schema of type null");
  }
}

function setExclusive(
  schema: Record<string, unknown>,
  bound: "minimum" | "maximum",
  { value, pointer, report }: { value: unknown; pointer: string; report: ImportReport },
): void {
  if (value === undefined || value === false) return;
  const keyword = bound === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum";
  if (value !== true) schema[keyword] = value;
  else if (schema[bound] === undefined) report.drop(pointerTo(pointer, keyword), `it means nothing without ${bound}`);
  else {
    schema[keyword] = schema[bound];
    delete schema[bound];
  }
}

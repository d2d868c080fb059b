import { LIMITS } from "../limits.ts";
import { isObject, type JsonObject, type OpenApiDocument } from "./document.ts";
import type { References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// Makes schemas stand alone: what one refers to, and what that refers to, is taken along under `$defs`, so that recursive schemas work and
// nothing is written twice. OpenAPI 3.0's own words become JSON Schema's.

/** Keywords whose value is data, not a schema. */
const DATA = new Set(["enum", "const", "default", "example", "examples"]);
/** Keywords whose value maps names to schemas. */
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

export class SchemaTexts {
  readonly #document: OpenApiDocument;
  readonly #references: References;
  readonly #report: ImportReport;
  #nodes = 0;

  constructor(document: OpenApiDocument, references: References, report: ImportReport) {
    this.#document = document;
    this.#references = references;
    this.#report = report;
  }

  /** The schema as a value that stands alone. */
  standAlone(schema: unknown, pointer: string): unknown {
    const definitions = new Definitions();
    const own = this.#copy(schema, pointer, definitions);
    for (let next = definitions.next(); next; next = definitions.next()) {
      const target = this.#references.resolve(next.$ref, next.from);
      if (target === undefined) break;
      definitions.done(next.name, this.#copy(target, next.$ref, definitions));
    }
    if (definitions.size === 0) return own;
    return {
      ...(isObject(own) ? own : {}),
      $defs: { ...(isObject(own) && isObject(own.$defs) ? own.$defs : {}), ...definitions.all() },
    };
  }

  #copy(schema: unknown, pointer: string, definitions: Definitions): unknown {
    if (++this.#nodes > LIMITS.inlinedNodesMax) {
      if (this.#nodes === LIMITS.inlinedNodesMax + 1) {
        this.#report.fault(pointer, `the schemas have over ${LIMITS.inlinedNodesMax} elements in all`);
      }
      return true;
    }
    if (Array.isArray(schema)) return schema.map((child, i) => this.#copy(child, pointerTo(pointer, i), definitions));
    if (!isObject(schema)) return schema;
    const copied = Object.entries(schema).map(([key, value]) => [
      key,
      this.#copyKeyword(key, value, pointerTo(pointer, key), { parent: pointer, definitions }),
    ]);
    const copy = Object.fromEntries(copied) as Record<string, unknown>;
    return this.#document.is30 ? modern(copy) : copy;
  }

  #copyKeyword(
    key: string,
    value: unknown,
    pointer: string,
    { parent, definitions }: { parent: string; definitions: Definitions },
  ): unknown {
    if (key === "$ref") {
      return typeof value === "string" && this.#references.resolve(value, parent) !== undefined
        ? `#/$defs/${definitions.nameOf(value, parent)}`
        : value;
    }
    if (DATA.has(key)) return value;
    if (NAMED.has(key) && isObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, child]) => [name, this.#copy(child, pointerTo(pointer, name), definitions)]),
      );
    }
    return this.#copy(value, pointer, definitions);
  }
}

/** What a schema takes along: each target once, under a name made from its pointer. */
class Definitions {
  readonly #names = new Map<string, string>();
  /** Each name that is taken, and the number to try next after it. */
  readonly #taken = new Map<string, number>();
  readonly #waiting: { $ref: string; from: string; name: string }[] = [];
  readonly #done = new Map<string, unknown>();

  nameOf($ref: string, from: string): string {
    const known = this.#names.get($ref);
    if (known !== undefined) return known;
    const wanted = ($ref.split("/").at(-1) ?? "").replaceAll(/[^A-Za-z0-9_.-]/g, "_") || "schema";
    let name = wanted;
    for (let n = this.#taken.get(wanted) ?? 2; this.#taken.has(name); n++) {
      name = `${wanted}_${n}`;
      this.#taken.set(wanted, n + 1);
    }
    this.#taken.set(name, 2);
    this.#names.set($ref, name);
    this.#waiting.push({ $ref, from, name });
    return name;
  }

  next() {
    return this.#waiting.shift();
  }

  done(name: string, schema: unknown): void {
    this.#done.set(name, schema);
  }

  get size(): number {
    return this.#done.size;
  }

  all(): Record<string, unknown> {
    return Object.fromEntries(this.#done);
  }
}

/** `nullable` and boolean `exclusiveMinimum` and `exclusiveMaximum` of OpenAPI 3.0, as JSON Schema 2020-12 says them. */
function modern(schema: Record<string, unknown>): JsonObject {
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  const changed: Record<string, unknown> = rest;
  if (nullable === true && typeof rest.type === "string") changed.type = [rest.type, "null"];
  if (nullable === true && Array.isArray(rest.enum) && !rest.enum.includes(null)) changed.enum = [...rest.enum, null];
  setExclusive(changed, "minimum", "exclusiveMinimum", exclusiveMinimum);
  setExclusive(changed, "maximum", "exclusiveMaximum", exclusiveMaximum);
  return changed;
}

function setExclusive(schema: Record<string, unknown>, bound: string, keyword: string, value: unknown): void {
  if (value === undefined || value === false) return;
  schema[keyword] = value === true ? schema[bound] : value;
  if (value === true) delete schema[bound];
}

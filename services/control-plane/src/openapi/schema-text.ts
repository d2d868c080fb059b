import { LIMITS, QUOTAS } from "../limits.ts";
import { isObject, type JsonObject, type OpenApiDocument } from "./document.ts";
import { modernized } from "./modern-schema.ts";
import type { References } from "./references.ts";
import { type ImportReport, pointerTo } from "./report.ts";

// Makes schemas stand alone: what one refers to, and what that refers to, is taken along under `$defs`, so that recursive schemas work and
// nothing is written twice. The words of OpenAPI 2.0 and 3.0 become JSON Schema's.

/** Keywords whose value is data, not a schema. */
const DATA = new Set(["enum", "const", "default", "example", "examples", "xml", "externalDocs", "required"]);
/** Keywords whose value maps names to schemas. */
const NAMED = new Set(["properties", "patternProperties", "dependentSchemas"]);
/** Keywords that hold what is referred to; it is taken along when it is. */
const HOLDERS = new Set(["$defs", "definitions"]);
/** The name that a schema has among those that one takes along, when it could not have it in the document. */
export const NAME_EXTENSION = "x-millrace-name";

interface Place {
  pointer: string;
  definitions: Definitions;
}

export class SchemaTexts {
  readonly #document: OpenApiDocument;
  readonly #references: References;
  readonly #report: ImportReport;
  #nodes = 0;
  #chars = 0;

  constructor(document: OpenApiDocument, references: References, report: ImportReport) {
    this.#document = document;
    this.#references = references;
    this.#report = report;
  }

  /** JSON of a schema or an example; empty, and a fault, when all of them together become too long. */
  json(value: unknown): string {
    const max = QUOTAS.definitionBytesPerRevision;
    if (this.#chars > max) return "";
    const text = JSON.stringify(value);
    this.#chars += text.length;
    if (this.#chars > max) this.#report.fault("#", `its schemas and examples have over ${max} bytes in all`);
    return text;
  }

  /** The schema as a value that stands alone. */
  standAlone(schema: unknown, pointer: string): unknown {
    const definitions = new Definitions();
    const held: string[] = [];
    const own = this.#copy(schema, { pointer, definitions }, held);
    for (let next = definitions.next(); next; next = definitions.next()) {
      definitions.done(next, this.#copy(next.value, { pointer: next.pointer, definitions }, held));
    }
    for (const each of held) if (!this.#references.isUsed(each)) this.#report.drop(each, "no API refers to it");
    const $schema = this.#dialectOf(own, definitions);
    definitions.inDialect($schema, (at) => this.#report.drop(at, "a schema is read in one dialect, its first one"));
    const isSaid = isObject(own) && own.$schema === undefined && $schema !== undefined;
    const root = isSaid ? { $schema, ...own } : own;
    if (definitions.size === 0) return root;
    return { ...(isObject(root) ? root : {}), $defs: definitions.all() };
  }

  /** What the schema says, or the document; or, of one that only refers, what it refers to. */
  #dialectOf(own: unknown, definitions: Definitions): unknown {
    if (!isObject(own)) return undefined;
    if (own.$schema !== undefined) return own.$schema;
    const [key, ...others] = Object.keys(own);
    const said = key === "$ref" && others.length === 0 ? definitions.first?.$schema : undefined;
    return said ?? this.#document.dialect;
  }

  #copy(schema: unknown, place: Place, held: string[]): unknown {
    const { pointer, definitions } = place;
    if (++this.#nodes > LIMITS.inlinedNodesMax) {
      if (this.#nodes === LIMITS.inlinedNodesMax + 1) {
        this.#report.fault(pointer, `the schemas have over ${LIMITS.inlinedNodesMax} elements in all`);
      }
      return true;
    }
    const below = (key: string | number) => ({ pointer: pointerTo(pointer, key), definitions });
    if (Array.isArray(schema)) return schema.map((child, i) => this.#copy(child, below(i), held));
    if (!isObject(schema)) return schema;
    const copied: [string, unknown][] = [];
    for (const [key, value] of Object.entries(schema)) {
      if (key === NAME_EXTENSION && typeof value === "string") continue;
      if (key === "$id" && typeof value === "string") {
        this.#report.drop(below(key).pointer, "references are followed from the document's beginning");
      } else if (HOLDERS.has(key) && isObject(value)) {
        held.push(...Object.keys(value).map((name) => pointerTo(below(key).pointer, name)));
      } else copied.push([key, this.#copyKeyword(key, value, below(key), held)]);
    }
    return modernized(Object.fromEntries(copied), pointer, this.#document.version, this.#report);
  }

  #copyKeyword(key: string, value: unknown, place: Place, held: string[]): unknown {
    if (key === "$ref")
      return typeof value === "string" ? this.#referred(value, place, parentOf(place.pointer)) : value;
    if (key === "discriminator" && isObject(value)) return this.#discriminator(value, place);
    if (DATA.has(key) || key.startsWith("x-")) return value;
    if (NAMED.has(key) && isObject(value)) {
      const children = Object.entries(value).map(([name, child]) => {
        const at = { pointer: pointerTo(place.pointer, name), definitions: place.definitions };
        return [name, this.#copy(child, at, held)];
      });
      return Object.fromEntries(children);
    }
    return this.#copy(value, place, held);
  }

  #referred($ref: string, { definitions }: Place, from: string): string {
    const target = this.#references.resolve($ref, from);
    return target === undefined ? $ref : `#/$defs/${definitions.nameOf(target)}`;
  }

  /** What the values of a discriminator mean are references too, though a name alone is enough. */
  #discriminator(discriminator: JsonObject, place: Place): unknown {
    const { mapping } = discriminator;
    if (!isObject(mapping)) return discriminator;
    const { schemas } = isObject(this.#document.root.components) ? this.#document.root.components : {};
    const referred = Object.entries(mapping).map(([value, meant]) => {
      if (typeof meant !== "string") return [value, meant];
      const $ref =
        isObject(schemas) && Object.hasOwn(schemas, meant) ? pointerTo("#/components/schemas", meant) : meant;
      return [value, $ref.startsWith("#/") ? this.#referred($ref, place, pointerTo(place.pointer, "mapping")) : meant];
    });
    return { ...discriminator, mapping: Object.fromEntries(referred) };
  }
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf("/"));
}

interface Definition {
  value: unknown;
  pointer: string;
  name: string;
}

/** What a schema takes along: each target once, under a name made from its pointer. */
class Definitions {
  readonly #names = new Map<string, string>();
  /** Each name that is taken, and the number to try next after it. */
  readonly #taken = new Map<string, number>();
  readonly #waiting: Definition[] = [];
  readonly #done = new Map<string, unknown>();
  readonly #pointers = new Map<string, string>();

  nameOf({ value, pointer }: { value: unknown; pointer: string }): string {
    const known = this.#names.get(pointer);
    if (known !== undefined) return known;
    const wanted = wantedName(value, pointer);
    let name = wanted;
    for (let n = this.#taken.get(wanted) ?? 2; this.#taken.has(name); n++) {
      name = `${wanted}_${n}`;
      this.#taken.set(wanted, n + 1);
    }
    this.#taken.set(name, 2);
    this.#names.set(pointer, name);
    this.#waiting.push({ value, pointer, name });
    return name;
  }

  next(): Definition | undefined {
    return this.#waiting.shift();
  }

  done(definition: Definition, schema: unknown): void {
    this.#done.set(definition.name, schema);
    this.#pointers.set(definition.name, definition.pointer);
  }

  get first(): JsonObject | undefined {
    const [first] = this.#done.values();
    return isObject(first) ? first : undefined;
  }

  /** Takes from each what it says of its dialect; what is not `$schema` is told. */
  inDialect($schema: unknown, onOther: (pointer: string) => void): void {
    for (const [name, schema] of this.#done) {
      if (!isObject(schema) || schema.$schema === undefined) continue;
      const { $schema: own, ...rest } = schema;
      this.#done.set(name, rest);
      if (own !== $schema) onOther(pointerTo(this.#pointers.get(name)!, "$schema"));
    }
  }

  get size(): number {
    return this.#done.size;
  }

  all(): Record<string, unknown> {
    return Object.fromEntries(this.#done);
  }
}

function wantedName(value: unknown, pointer: string): string {
  const given = isObject(value) ? value[NAME_EXTENSION] : undefined;
  const text = typeof given === "string" ? given : pointer.slice(pointer.lastIndexOf("/") + 1);
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, "_") || "schema";
}

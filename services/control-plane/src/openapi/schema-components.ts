import { DIALECTS, dialectOf } from "../apis/schema-dialect.ts";
import { isObject, type JsonObject } from "./document.ts";
import { mapReferences, referencesOf } from "./schema-references.ts";
import { NAME_EXTENSION } from "./schema-text.ts";

// Schemas that stand alone, in one document: what they take along under `$defs` goes to `components/schemas`, each once. Where two take along
// something different under one name, the second, and what refers to it, gets a number behind its name, and says by x-millrace-name how
// it is called.

const AT = "#/components/schemas/";
const DEFINITION = /^#\/\$defs\/([^/]+)(\/.*)?$/;

export class SchemaComponents {
  readonly #components = new Map<string, unknown>();
  /** What each name stands for, as text; unlike any text where the name is a numbered one. */
  readonly #meanings = new Map<string, string>();
  readonly #variants = new Map<string, ReadonlyMap<string, string>>();
  /** The number to try next behind a name. */
  readonly #numbers = new Map<string, number>();

  /** The schema as it can stand in the document. `hint` names it if it refers to its own inside. */
  place(schema: unknown, hint: string): unknown {
    if (!isObject(schema)) return schema;
    const { $defs, $id: _, ...own } = schema;
    const definitions = new Map(Object.entries(isObject($defs) ? $defs : {}));
    const isWhole = referencesOf(schema).some(($ref) => $ref.startsWith("#") && !DEFINITION.test($ref));
    if (isWhole) definitions.set(hint, own);
    const local = withDialect(reachable(isWhole ? { $ref: refTo(hint) } : own, definitions, hint), schema.$schema);
    const names = this.#name(local, hint);
    const change = ($ref: string) => ($ref.startsWith("#") ? AT + changedName($ref, names, hint) : $ref);
    for (const [name, definition] of local) this.#add(names.get(name)!, name, mapReferences(definition, change));
    return isWhole ? { $ref: AT + names.get(hint)! } : mapReferences(own, change);
  }

  all(): JsonObject {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #add(name: string, wanted: string, schema: unknown): void {
    if (this.#components.has(name)) return;
    const isRenamed = name !== wanted && isObject(schema);
    this.#components.set(name, isRenamed ? { [NAME_EXTENSION]: wanted, ...schema } : schema);
  }

  /** Names in the document for those of one schema. */
  #name(local: ReadonlyMap<string, unknown>, hint: string): ReadonlyMap<string, string> {
    const texts = new Map([...local].map(([name, schema]) => [name, JSON.stringify(schema)]));
    const strangers = this.#strangers(local, texts, hint);
    const key = JSON.stringify(
      [...local.keys()].filter((name) => strangers.has(name)).map((name) => [name, texts.get(name)]),
    );
    const known = strangers.size === 0 ? undefined : this.#variants.get(key);
    const names = new Map<string, string>();
    // Those that keep their names first: no new name must be one of these.
    for (const [name, text] of texts) if (!strangers.has(name)) this.#meanings.set(name, text);
    for (const name of local.keys()) {
      names.set(name, strangers.has(name) ? (known?.get(name) ?? this.#newName(usable(name))) : name);
    }
    if (strangers.size > 0) this.#variants.set(key, names);
    return names;
  }

  /** Those whose name stands for something else already, and those that refer to one. */
  #strangers(
    local: ReadonlyMap<string, unknown>,
    texts: ReadonlyMap<string, string>,
    hint: string,
  ): ReadonlySet<string> {
    const users = new Map<string, string[]>();
    for (const [name, schema] of local) {
      for (const $ref of referencesOf(schema)) {
        const used = nameIn($ref, hint);
        if (used === undefined) continue;
        const known = users.get(used) ?? [];
        known.push(name);
        users.set(used, known);
      }
    }
    const waiting = [...local.keys()].filter((name) => {
      const meaning = this.#meanings.get(name);
      return usable(name) !== name || (meaning !== undefined && meaning !== texts.get(name));
    });
    const strangers = new Set(waiting);
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      for (const user of users.get(name) ?? []) {
        if (strangers.has(user)) continue;
        strangers.add(user);
        waiting.push(user);
      }
    }
    return strangers;
  }

  #newName(wanted: string): string {
    let name = wanted;
    for (let n = this.#numbers.get(wanted) ?? 2; this.#meanings.has(name); n++) {
      name = `${wanted}_${n}`;
      this.#numbers.set(wanted, n + 1);
    }
    this.#meanings.set(name, "");
    return name;
  }
}

/** The definitions that a schema needs, in the order in which it comes to need them. */
function reachable(own: unknown, definitions: ReadonlyMap<string, unknown>, hint: string): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const waiting = [own];
  for (let at = 0; at < waiting.length; at++) {
    for (const $ref of referencesOf(waiting[at])) {
      const name = nameIn($ref, hint);
      if (name === undefined || found.has(name) || !definitions.has(name)) continue;
      found.set(name, definitions.get(name));
      waiting.push(definitions.get(name));
    }
  }
  return found;
}

/** Each in the dialect of the schema that takes it along. */
function withDialect(definitions: Map<string, unknown>, $schema: unknown): Map<string, unknown> {
  if ($schema === undefined || dialectOf($schema) === DIALECTS[0]) return definitions;
  for (const [name, schema] of definitions) {
    if (isObject(schema) && schema.$schema === undefined) definitions.set(name, { $schema, ...schema });
  }
  return definitions;
}

/** The definition that a reference leads to, or into; the hint stands for the whole schema. */
function nameIn($ref: string, hint: string): string | undefined {
  const [, name] = DEFINITION.exec($ref) ?? [];
  if (name !== undefined) return decoded(name);
  return $ref.startsWith("#") ? hint : undefined;
}

function changedName($ref: string, names: ReadonlyMap<string, string>, hint: string): string {
  const name = nameIn($ref, hint)!;
  const [, , inside = ""] = DEFINITION.exec($ref) ?? [undefined, undefined, $ref.slice(1)];
  return (names.get(name) ?? usable(name)) + inside;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return name;
  }
}

function refTo(name: string): string {
  return `#/$defs/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

function usable(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_.-]/g, "_") || "schema";
}

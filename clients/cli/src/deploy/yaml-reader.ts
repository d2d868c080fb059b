import { type FieldViolation, invalidFields } from "@millrace/errors";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";

// Reads a YAML document strictly: every value is asked for by its type, whatever was not asked for is a fault, and every fault names
// file, line and column. Faults are collected, so that one run shows them all.

export class YamlReader {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #faults: FieldViolation[] = [];

  /** `file` is how the faults name it. */
  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of this.#document.errors) this.#report(pos[0], message.split("\n", 1)[0]!);
  }

  root(): YamlValue {
    return new YamlValue(this, this.#document.contents as Node | null, "");
  }

  resolve(node: Node | null): Node | null {
    return isAlias(node) ? ((node as Alias).resolve(this.#document) ?? null) : node;
  }

  fault(node: Node | null | undefined, path: string, description: string): void {
    this.#report(node?.range?.[0] ?? 0, path === "" ? description : `${path}: ${description}`);
  }

  /** Throws `request_invalid` when there were faults. */
  finish(): void {
    if (this.#faults.length > 0) throw invalidFields(this.#faults);
  }

  #report(offset: number, description: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#faults.push({ field: `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}`, description });
  }
}

/** A value at a path. What does not fit is reported, and read as if it were absent. */
export class YamlValue {
  readonly #reader: YamlReader;
  readonly #node: Node | null;
  readonly path: string;

  constructor(reader: YamlReader, node: Node | null, path: string) {
    this.#reader = reader;
    this.#node = reader.resolve(node);
    this.path = path;
  }

  get absent(): boolean {
    return this.#node === null || (isScalar(this.#node) && this.#node.value === null);
  }

  fault(description: string): undefined {
    this.#reader.fault(this.#node, this.path, description);
    return undefined;
  }

  /** The members of an object that may only have these keys. */
  object<Key extends string>(keys: readonly Key[]): Record<Key, YamlValue> {
    const known: ReadonlySet<string> = new Set(keys);
    const members = new Map<string, YamlValue>();
    for (const [key, value, keyNode] of this.#pairs()) {
      if (known.has(key)) members.set(key, value);
      else this.#reader.fault(keyNode, value.path, `is not known here; there are ${keys.join(", ")}`);
    }
    const member = (key: Key) => members.get(key) ?? new YamlValue(this.#reader, null, this.#at(key));
    return Object.fromEntries(keys.map((key) => [key, member(key)])) as Record<Key, YamlValue>;
  }

  /** The members of an object with keys of the writer's choice. */
  entries(): [string, YamlValue][] {
    return this.#pairs().map(([key, value]) => [key, value]);
  }

  items(): YamlValue[] {
    if (this.absent) return [];
    if (!isSeq(this.#node)) return this.fault("must be a list") ?? [];
    return this.#node.items.map((item, i) => new YamlValue(this.#reader, item as Node, `${this.path}[${i}]`));
  }

  get isObject(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  string(): string | undefined {
    return this.#scalar((value) => typeof value === "string", "must be text; put it in quotes") as string | undefined;
  }

  required(): string {
    if (this.absent) this.fault("is required");
    return this.string() ?? "";
  }

  integer(min: number, max: number): number | undefined {
    const fits = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
    return this.#scalar(fits, `must be a whole number from ${min} to ${max}`) as number | undefined;
  }

  boolean(): boolean | undefined {
    return this.#scalar((value) => typeof value === "boolean", "must be true or false") as boolean | undefined;
  }

  oneOf<Word extends string>(words: readonly Word[]): Word | undefined {
    return this.#scalar((value) => words.includes(value as Word), `must be one of ${words.join(", ")}`) as
      | Word
      | undefined;
  }

  #scalar(fits: (value: unknown) => boolean, otherwise: string): unknown {
    if (this.absent) return undefined;
    if (isScalar(this.#node) && fits(this.#node.value)) return this.#node.value;
    return this.fault(otherwise);
  }

  #pairs(): [string, YamlValue, Node][] {
    if (this.absent) return [];
    if (!isMap(this.#node)) return this.fault("must be an object") ?? [];
    return this.#node.items.flatMap(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      return [[name, new YamlValue(this.#reader, value as Node | null, this.#at(name)), key as Node]];
    });
  }

  #at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }
}

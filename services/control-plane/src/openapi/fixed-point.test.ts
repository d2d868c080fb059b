import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PlatformError } from "@millrace/errors";
import fc from "fast-check";
import { parse } from "yaml";
import { revisions } from "./definitions-fixture.ts";
import { pointerTo } from "./report.ts";
import { exported, type RoundTrip, roundTrip } from "./round-trip-fixture.ts";

// An import of an export makes the same APIs, and whatever of a document is not in its export is in the report.

const corpus = new URL("./corpus/", import.meta.url);
const documents = readdirSync(corpus).map((name) => ({
  name,
  document: parse(readFileSync(new URL(name, corpus), "utf8")) as object,
}));

const byId = ({ apis }: RoundTrip) =>
  apis.map(({ id, definition }) => ({ id, definition })).sort((a, b) => (a.id < b.id ? -1 : 1));

for (const { name, document } of documents) {
  test(`importing the export of ${name} changes nothing, and nothing is lost on the way`, () => {
    const first = roundTrip(document);
    const second = roundTrip(first.exported);
    assert.deepEqual(byId(second), byId(first));
    assert.deepEqual(second.exported, first.exported);
    const lost = second.remarks.filter(({ outcome }) => outcome === "not-carried");
    assert.deepEqual(lost, []);
  });
}

/** With texts of JSON as values: the order of keys says nothing. */
function unfolded(apis: RoundTrip["apis"]): unknown {
  const text = JSON.stringify(apis.map(({ id, definition }) => ({ id, definition })));
  return JSON.parse(text, (key, value: unknown) => {
    const isText = typeof value === "string" && ["schema", "schemaJson", "defaultJson", "exampleJson"].includes(key);
    return isText && value.startsWith("{") ? (JSON.parse(value) as unknown) : value;
  });
}

test("whatever APIs are exported, an import makes the same of it", () => {
  fc.assert(
    fc.property(revisions, (apis) => {
      const { apis: again, remarks } = roundTrip(exported(apis));
      const sorted = again.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      assert.deepEqual(unfolded(sorted), unfolded(apis as RoundTrip["apis"]));
      assert.deepEqual(
        remarks.map(({ pointer }) => pointer),
        ["#/info"],
      );
    }),
    { seed: 6, numRuns: 250 },
  );
});

// Whether an element is carried is not asked of the importer: its value, and its name, are changed in the source, and the export has to change
// with them. What is in the report is not asked for. Where a change is refused, or gets into the report, the element was read.

type Step = string | number;

/** A copy of the document with one element changed by `change`, which gets what holds it. */
function mutated(document: object, path: readonly Step[], change: (holder: never, key: Step) => void): object {
  const copy = structuredClone(document);
  let holder: unknown = copy;
  for (const step of path.slice(0, -1)) holder = (holder as Record<Step, unknown>)[step];
  change(holder as never, path.at(-1)!);
  return copy;
}

function otherThan(value: unknown): unknown {
  if (typeof value === "string") return `${value}~`;
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  return value === null ? "~" : { "x~": 1 };
}

function change(holder: Record<Step, unknown>, key: Step): void {
  holder[key] = otherThan(holder[key]);
}

function rename(holder: Record<Step, unknown>, key: Step): void {
  holder[`${key}~`] = holder[key];
  delete holder[key];
}

/** Every element below the document. */
function* pathsIn(value: unknown, path: Step[] = []): Generator<{ path: Step[]; isLeaf: boolean }> {
  const children = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (path.length > 0) yield { path, isLeaf: children.length === 0 };
  for (const [key, child] of children) yield* pathsIn(child, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** What an import says and an export shows of a document; the fault when it is refused. */
function seenOf(document: object): string {
  try {
    const { exported, remarks } = roundTrip(document);
    return JSON.stringify([exported, remarks]);
  } catch (error) {
    if (error instanceof PlatformError && error.reason === "document_invalid") return error.message;
    throw error;
  }
}

for (const { name, document } of documents) {
  test(`every element of ${name} is in its export or in the report`, () => {
    const { remarks } = roundTrip(document);
    const told = new Set(remarks.map(({ pointer }) => pointer));
    const before = seenOf(document);
    const lost: string[] = [];
    let looked = 0;
    for (const { path, isLeaf } of pathsIn(document)) {
      const pointers = path.map((_, i) => path.slice(0, i + 1).reduce<string>(pointerTo, "#"));
      if (pointers.some((pointer) => told.has(pointer))) continue;
      looked++;
      const pointer = pointers.at(-1)!;
      if (isLeaf && seenOf(mutated(document, path, change)) === before) lost.push(`${pointer} changed`);
      const isKey = typeof path.at(-1) === "string";
      if (isKey && seenOf(mutated(document, path, rename)) === before) lost.push(`${pointer} renamed`);
    }
    assert.deepEqual(lost, []);
    assert.ok(looked > 15, `only ${looked} elements were looked at`);
  });
}

test("a document with anything anywhere is read, or refused for its faults", () => {
  const places = documents.map(({ document }) => [...pathsIn(document)].map(({ path }) => path));
  // What every object of JavaScript has without being asked is no element of a document.
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("constructor", "__proto__", ["toString"], JSON.parse('{"__proto__":{"get":1}}')),
  );
  const anywhere = fc
    .nat(documents.length - 1)
    .chain((at) => fc.record({ at: fc.constant(at), path: fc.constantFrom(...places[at]!), value }));
  fc.assert(
    fc.property(anywhere, ({ at, path, value }) => {
      seenOf(mutated(documents[at]!.document, path, (holder: Record<Step, unknown>, key) => (holder[key] = value)));
    }),
    { seed: 7, numRuns: 800 },
  );
});

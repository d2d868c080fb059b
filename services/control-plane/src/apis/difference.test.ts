import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { differencesOf } from "./difference.ts";

const sets = (before: object, after: object) =>
  differencesOf(new Map(Object.entries(before)), new Map(Object.entries(after)));
const changed = (before: object, after: object) =>
  sets({ a: before }, { a: after }).flatMap(({ fields }) =>
    fields.map(({ path, before: old, after: next }) => `${path}: ${old} > ${next}`),
  );

test("APIs that came, went, and are another are told by id; what is the same is not", () => {
  const found = sets({ gone: { x: 1 }, same: { x: 1 }, other: { x: 1 } }, { same: { x: 1 }, other: { x: 2 }, new: {} });
  assert.deepEqual(found, [
    { id: "gone", kind: "removed", fields: [] },
    { id: "new", kind: "added", fields: [] },
    { id: "other", kind: "changed", fields: [{ path: "x", before: "1", after: "2" }] },
  ]);
  assert.deepEqual(sets({}, {}), []);
});

test("a change is told where it is, with what was and what is", () => {
  assert.deepEqual(changed({ backend: { kind: "mock", status: 200 } }, { backend: { kind: "mock", status: 201 } }), [
    "backend.status: 200 > 201",
  ]);
  assert.deepEqual(changed({ backend: undefined }, { backend: { kind: "mock" } }), ['backend.kind:  > "mock"']);
  assert.deepEqual(changed({ tags: ["a", "b"] }, { tags: ["b", "a"] }), ['tags: ["a","b"] > ["b","a"]']);
});

test("a parameter goes by its place and name, not by its number", () => {
  const parameter = (name: string, location: string, required = false) => ({ name, location, required });
  const before = { parameters: [parameter("id", "path"), parameter("q", "query")] };
  const after = { parameters: [parameter("id", "query"), parameter("id", "path"), parameter("q", "query", true)] };
  assert.deepEqual(changed(before, after), [
    'parameters.query:id.location:  > "query"',
    'parameters.query:id.name:  > "id"',
    "parameters.query:id.required:  > false",
    "parameters.query:q.required: false > true",
  ]);
  assert.deepEqual(changed({ parameters: [parameter("id", "path")] }, { parameters: [] }).length, 4);
});

test("long values are cut, and beyond a number of fields only APIs are told", () => {
  const [long] = sets({ a: { text: "" } }, { a: { text: "x".repeat(LIMITS.diffValueCharsMax * 2) } });
  assert.equal(long!.fields[0]!.after.length, LIMITS.diffValueCharsMax + 2);
  const wide = (n: number) => Object.fromEntries(Array.from({ length: LIMITS.diffFieldsMax }, (_, i) => [`f${i}`, n]));
  const found = sets({ a: wide(1), b: { x: 1 } }, { a: wide(2), b: { x: 2 } });
  assert.deepEqual(
    found.map(({ id, fields }) => [id, fields.length]),
    [
      ["a", LIMITS.diffFieldsMax],
      ["b", 0],
    ],
  );
});

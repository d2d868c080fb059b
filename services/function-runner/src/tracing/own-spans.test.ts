import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OWN_SPAN_LIMITS } from "../limits.ts";
import { readOwnSpans } from "./own-spans.ts";

const NOBODY: ReadonlySet<string> = new Set();
const A = "000000000000000a";
const B = "000000000000000b";
const read = (told: unknown, taken = NOBODY) => readOwnSpans(Buffer.from(JSON.stringify(told)), taken);
const span = (fields: object) => ({
  id: A,
  kind: "internal",
  parent: "",
  name: "work",
  startMs: 1,
  endMs: 2,
  attributes: {},
  ...fields,
});

test("what an instance tells reads back", () => {
  const told = {
    spans: [span({}), span({ id: B, kind: "client", parent: A, attributes: { pets: 3, found: true, kind: "cat" } })],
  };
  const { spans, dropped } = read({ ...told, dropped: 4 });
  assert.deepEqual(JSON.parse(JSON.stringify(spans)), told.spans);
  assert.equal(dropped, 4);
});

test("any bytes and any JSON read as some spans, never too many, and never throw", () => {
  const isBounded = (payload: Buffer) => {
    const { spans } = readOwnSpans(payload, NOBODY);
    assert.ok(spans.length <= OWN_SPAN_LIMITS.spansMax);
    for (const { id, name, startMs, endMs } of spans) {
      assert.match(id, /^[0-9a-f]{16}$/);
      assert.ok(name.length <= OWN_SPAN_LIMITS.nameCharsMax && startMs >= 0 && (endMs ?? startMs) >= startMs);
    }
  };
  fc.assert(fc.property(fc.uint8Array(), (bytes) => isBounded(Buffer.from(bytes))));
  const anything = fc.record({ spans: fc.array(fc.jsonValue()), dropped: fc.jsonValue() });
  fc.assert(fc.property(anything, (told) => isBounded(Buffer.from(JSON.stringify(told)))));
  const nearly = fc.record({
    spans: fc.array(fc.jsonValue().map((value) => span({ startMs: value, attributes: value }))),
  });
  fc.assert(fc.property(nearly, (told) => isBounded(Buffer.from(JSON.stringify(told)))));
});

test("an id is nobody else's, and a parent is one of the call's own", () => {
  assert.deepEqual(read({ spans: [span({})] }, new Set([A])).spans, []);
  const { spans, dropped } = read({ spans: [span({}), span({ name: "again" }), span({ id: "A".repeat(16) })] });
  assert.deepEqual([spans.map(({ name }) => name), dropped], [["work"], 2]);
  assert.equal(read({ spans: [span({ parent: "00f067aa0ba902b7" })] }).spans[0]!.parent, "");
  assert.equal(read({ spans: [span({ parent: A })] }).spans[0]!.parent, "");
});

test("names of the platform's are not the function's to give, and what is no text, number or truth is no attribute", () => {
  const attributes = { "millrace.project": "bank", "service.name": "auth", list: [1], deep: {}, none: null, mine: 1 };
  assert.deepEqual(read({ spans: [span({ attributes })] }).spans[0]!.attributes, { mine: 1 });
});

test("what is longer or more than a span may have is cut", () => {
  const { spansMax, nameCharsMax, valueCharsMax, attributesMax, keyCharsMax } = OWN_SPAN_LIMITS;
  const many = Object.fromEntries(Array.from({ length: attributesMax + 1 }, (_, at) => [`key${at}`, "v".repeat(999)]));
  const [long] = read({ spans: [span({ name: "n".repeat(999), attributes: many })] }).spans;
  assert.equal(long!.name.length, nameCharsMax);
  assert.equal(Object.keys(long!.attributes).length, attributesMax);
  assert.equal(String(long!.attributes.key0).length, valueCharsMax);
  assert.deepEqual(
    read({ spans: [span({ attributes: { ["k".repeat(keyCharsMax + 1)]: 1 } })] }).spans[0]!.attributes,
    {},
  );
  const ids = Array.from({ length: spansMax + 1 }, (_, at) => span({ id: (at + 1).toString(16).padStart(16, "0") }));
  const { spans, dropped } = read({ spans: ids });
  assert.deepEqual([spans.length, dropped], [spansMax, 1]);
});

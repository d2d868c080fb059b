import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readTraceparent, spanBelow, writeTraceparent } from "./trace-context.ts";

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
    .filter((text) => !/^0+$/.test(text));

test("what is written reads back", () => {
  const parents = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }, { noNullPrototype: true });
  fc.assert(fc.property(parents, (parent) => assert.deepEqual(readTraceparent(writeTraceparent(parent)), parent)));
});

test("other versions are read as far as they are known, and what is broken is no parent", () => {
  const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  assert.equal(readTraceparent(`cc-${ids}-01-what-comes-later`)?.sampled, true);
  assert.equal(readTraceparent(`00-${ids}-02`)?.sampled, false);
  for (const broken of [`ff-${ids}-01`, `00-${ids}`, `00-${ids}-01x`, `00-${ids.toUpperCase()}-01`, "", "00"]) {
    assert.equal(readTraceparent(broken), null, broken);
  }
});

test("the spans of a request have different ids, each of which follows from the one above", () => {
  const ids = (spanId: string) => [spanId, spanBelow(spanId), spanBelow(spanBelow(spanId))];
  fc.assert(
    fc.property(hex(16), (spanId) => {
      assert.equal(new Set(ids(spanId)).size, 3);
      for (const id of ids(spanId)) assert.match(id, /^[0-9a-f]{16}$/);
      assert.deepEqual(ids(spanId), ids(spanId));
    }),
  );
});

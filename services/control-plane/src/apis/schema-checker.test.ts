import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LIMITS } from "../limits.ts";
import { refused } from "../testing/expect.ts";
import { SchemaChecker } from "./schema-checker.ts";

const checker = new SchemaChecker();
after(() => checker.close());

const placed = (schema: unknown) => ({ at: "body", text: JSON.stringify(schema) });
const faultsOf = async (...schemas: unknown[]) =>
  (await checker.check(schemas.map(placed))).map(({ at, fault }) => `${at}: ${fault}`);

const DRAFT_07 = { $schema: "http://json-schema.org/draft-07/schema#" };
const DRAFT_04 = { $schema: "http://json-schema.org/draft-04/schema#" };

test("a schema is read by the draft that it names, and by 2020-12 when it names none", async () => {
  const exclusive = { minimum: 1, exclusiveMinimum: true };
  assert.deepEqual(await faultsOf({ ...DRAFT_04, ...exclusive }), []);
  assert.deepEqual(await faultsOf(exclusive), ["body#/exclusiveMinimum: must be number"]);
  assert.deepEqual(await faultsOf({ exclusiveMinimum: 1 }, { ...DRAFT_07, exclusiveMinimum: 1 }), []);
  assert.match((await faultsOf({ ...DRAFT_04, exclusiveMinimum: 1 }))[0]!, /^body/);
  const tuple = { items: [{ type: "string" }] };
  assert.deepEqual(await faultsOf({ ...DRAFT_07, ...tuple }), []);
  assert.match((await faultsOf(tuple))[0]!, /^body#\/items: must be object/);
  assert.deepEqual(await faultsOf({ $schema: "https://spec.openapis.org/oas/3.1/dialect/base" }), []);
  assert.match(
    (await faultsOf({ $schema: "http://json-schema.org/draft-03/schema#" }))[0]!,
    /^body#\/\$schema: must be one of/,
  );
  assert.match((await faultsOf({ $schema: 7 }))[0]!, /^body#\/\$schema/);
});

test("a fault has the pointer of where it is, and each schema its own", async () => {
  const faults = await faultsOf({ type: "string" }, { properties: { a: { type: "strin" } } }, { pattern: "(" });
  assert.equal(faults.length, 2);
  assert.match(faults[0]!, /^body#\/properties\/a\/type: /);
  assert.match(faults[1]!, /^body: .*Invalid regular expression/);
});

test("what refers to nowhere, elsewhere or in a circle is refused", async () => {
  assert.match((await faultsOf({ $ref: "#/$defs/none" }))[0]!, /can't resolve reference/);
  assert.match((await faultsOf({ $ref: "https://example.com/schema.json" }))[0]!, /can't resolve reference/);
  const circle = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } };
  assert.match((await faultsOf(circle))[0]!, /call stack/);
  const list = { $ref: "#/$defs/list", $defs: { list: { properties: { next: { $ref: "#/$defs/list" } } } } };
  assert.deepEqual(await faultsOf(list), []);
});

test("what a schema calls itself is not seen by the next one", async () => {
  const named = { $defs: { a: { $id: "https://example.com/a", $anchor: "here", type: "string" } } };
  assert.deepEqual(await faultsOf(named), []);
  assert.deepEqual(await faultsOf(named), []);
  assert.match((await faultsOf({ $ref: "https://example.com/a" }))[0]!, /can't resolve reference/);
});

test("depth is bounded, however deep", async () => {
  let deep = "true";
  for (let depth = 0; depth < 40_000; depth++) deep = `{"not":${deep}}`;
  const faults = await checker.check([{ at: "body", text: deep }]);
  assert.deepEqual(faults, [{ at: "body", fault: `is over ${LIMITS.documentDepthMax} levels deep` }]);
});

test("a schema that takes too long to compile is refused, and the thread goes on with the next", async () => {
  const patterns = Array.from({ length: 4_000 }, (_, i) => [`^p${i}`, { type: "string" }]);
  const slow = { patternProperties: Object.fromEntries(patterns), additionalProperties: false };
  assert.match((await faultsOf(slow))[0]!, /takes over 2000 ms|too complex/);
  assert.deepEqual(await faultsOf({ type: "object" }), []);
});

test("only so many wait for their turn", async () => {
  const all = Array.from({ length: LIMITS.schemaChecksWaitingMax }, () => faultsOf({ type: "object" }));
  await refused(checker.check([placed({})]), "resource_exhausted", "schemas_busy");
  assert.deepEqual((await Promise.all(all)).flat(), []);
});

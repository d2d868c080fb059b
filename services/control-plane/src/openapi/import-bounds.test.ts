import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { LIMITS } from "../limits.ts";
import { createProject } from "../testing/calls.ts";
import { refused } from "../testing/expect.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { importing, ok, openapi } from "./import-fixture.ts";

const { client } = await startControlPlane({ after });
await createProject(client, "shop");
const { newRevision, importInto, faultsOf } = importing(client);

test("bombs are refused: aliases that multiply, depth, size", async () => {
  const laughs = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++)
    laughs.push(`b${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
  assert.match((await faultsOf(laughs.join("\n")))[0]![1], /alias/i);
  const deep = `${'{"a":'.repeat(200)}1${"}".repeat(200)}`;
  assert.match((await faultsOf(deep))[0]![1], /levels deep/);
  const large = JSON.stringify(openapi({}, { "x-large": "x".repeat(LIMITS.documentBytesMax) }));
  assert.match((await faultsOf(large))[0]![1], /at most/);
  const wide = openapi({}, { "x-wide": Array.from({ length: LIMITS.documentNodesMax }, () => 0) });
  assert.match((await faultsOf(wide))[0]![1], /elements/);
});

test("a text that YAML's parser takes minutes for is refused in seconds, while others are served", {
  timeout: 60_000,
}, async () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join("\n");
  const parent = await newRevision();
  const refused = faultsOf(keys);
  let done = false;
  void refused.finally(() => (done = true));
  let served = 0;
  for (; !done; served++) await client.call(ApiServiceService.listApis, { parent, pageSize: 0, pageToken: "" });
  assert.match((await refused)[0]![1], /too complex/);
  assert.ok(served > 100, `only ${served} other calls were served`);
});

test("long runs of one character, wherever a text may stand, are read in no time", async () => {
  const run = (character: string) => `a${character.repeat(200_000)}b`;
  const paths = { "/a": { get: { ...ok, operationId: run("_"), summary: run(" ") } } };
  const startedAt = performance.now();
  const faults = await faultsOf({ swagger: "2.0", info: {}, basePath: `/${run("/")}`, paths });
  assert.ok(performance.now() - startedAt < 3_000, `took ${performance.now() - startedAt} ms`);
  assert.deepEqual(new Set(faults.map(([pointer]) => pointer)), new Set(["#/paths/~1a/get"]));
});

test("a long name above many elements is refused before all of them bear it", async () => {
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`y${i}`, 0]));
  const startedAt = performance.now();
  const [[pointer, fault] = []] = await faultsOf(openapi({ [`/${"a".repeat(50_000)}`]: { ...many, get: ok } }));
  assert.ok(performance.now() - startedAt < 3_000, `took ${performance.now() - startedAt} ms`);
  assert.deepEqual([pointer, fault], ["#/paths", "has a name of 50001 characters, too long for where it stands"]);
  const wide = Array.from({ length: LIMITS.pointerCharsInAllMax / LIMITS.pointerCharsMax + 1_000 }, () => 0);
  const [[, inAll] = []] = await faultsOf(openapi({}, { [`x-${"a".repeat(4_080)}`]: wide }));
  assert.match(inAll!, /^has over 67108864 characters in the names of all elements$/);
});

test("ten thousand references of one schema are followed in seconds", { timeout: 60_000 }, async () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `d${i}`);
  const anyOf = names.map((name) => ({ $ref: `#/components/schemas/${name}/properties/same` }));
  const schemas = Object.fromEntries(names.map((name) => [name, { properties: { same: true } }]));
  const content = { "application/json": { schema: { anyOf } } };
  const startedAt = performance.now();
  const faults = await faultsOf(
    openapi({ "/a": { post: { requestBody: { content }, ...ok } } }, { components: { schemas } }),
  );
  assert.match(faults[0]![1], /must have at most/);
  assert.ok(performance.now() - startedAt < 3_000, `took ${performance.now() - startedAt} ms`);
});

test("schemas that are repeated in many operations have a bound in all", async () => {
  const properties = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, { type: "string" }]));
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Wide" } } };
  const paths = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`/p${i}`, { post: { requestBody: { content }, ...ok } }]),
  );
  const faults = await faultsOf(openapi(paths, { components: { schemas: { Wide: { properties } } } }));
  assert.match(faults[0]![1], /elements in all/);
});

test("what is small and shared by many, and large where it is used, is refused in seconds", async () => {
  const item = Object.fromEntries(["get", "put", "post", "patch", "delete"].map((method) => [method, ok]));
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`/p${i}`, { $ref: "#/x-item" }]));
  const crowd = JSON.stringify(openapi(many, { "x-item": item }));
  await refused(importInto(await newRevision(), crowd), "resource_exhausted", "apis_quota_exceeded");
  const startedAt = performance.now();
  const example = Array.from({ length: 2_000 }, (_, i) => "x".repeat(50 + (i % 7)));
  const content = { "application/json": { example } };
  const responses = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [400 + i, { $ref: "#/components/responses/Large" }]),
  );
  const paths = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`/p${i}`, { get: { responses } }]));
  const components = { responses: { Large: { description: "", content } } };
  assert.match((await faultsOf(openapi(paths, { components })))[0]![1], /schemas and examples have over/);
  const parameters = Array.from({ length: 101 }, (_, i) => ({
    name: `q${i}`,
    in: "query",
    schema: { type: "string" },
  }));
  assert.match(
    (await faultsOf(openapi({ "/a": { get: { ...ok, parameters } } })))[0]!.join(" "),
    /parameters must be at most/,
  );
  const aliases = `x: &x ${"y".repeat(100_000)}\nz: [${Array.from({ length: 90 }, () => "*x").join(", ")}]`;
  assert.match((await faultsOf(aliases))[0]![1], /characters, aliases unfolded/);
  assert.ok(performance.now() - startedAt < 10_000, `took ${performance.now() - startedAt} ms`);
});

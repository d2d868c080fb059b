import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ArrayFormat, MatchType, ParameterLocation, ParameterType } from "@millrace/proto/control/v1/apis";
import { folderWith } from "../command-line-fixture.ts";
import type { Context } from "../context.ts";
import { type DefinitionOptions, readDefinition } from "./api-definition.ts";

function read(t: TestContext, yaml: string, options: DefinitionOptions = {}) {
  const cwd = folderWith(t, { "api.yaml": yaml });
  const context = { project: "projects/shop", terminal: { cwd } } as unknown as Context;
  return readDefinition(context, { definition: "api.yaml", ...options }, undefined);
}

test("a definition says what it means in words, or as the interface does", (t) => {
  const parameter = "{ name: ids, location: query, type: array, arrayFormat: comma }";
  const words = read(t, `{ method: GET, path: /a, match: prefix, parameters: [${parameter}] }`);
  const interfaces = read(t, "{ method: GET, path: /a, match: MATCH_TYPE_PREFIX }");
  assert.deepEqual([words.match, interfaces.match], [MatchType.PREFIX, MatchType.PREFIX]);
  const [{ location, type, arrayFormat }] = words.parameters as [(typeof words.parameters)[number]];
  const wanted = [ParameterLocation.QUERY, ParameterType.ARRAY, ArrayFormat.COMMA];
  assert.deepEqual([location, type, arrayFormat], wanted);
  const { backend } = read(t, "backend: { mock: { status: 302, headers: { location: path, type: string } } }");
  assert.deepEqual(backend?.kind?.$case === "mock" && backend.kind.value.headers, { location: "path", type: "string" });
});

test("a word that is none is refused with those that are, and text in the place of an object is not passed over", (t) => {
  assert.throws(() => read(t, "match: below"), /match: must be one of exact, prefix$/);
  const parameters = "parameters: [{ name: a, location: body }]";
  assert.throws(() => read(t, parameters), /parameters\.0\.location: must be one of path, query, header$/);
  assert.throws(() => read(t, 'backend: { http: "http://a.example" }'), /backend\.http: is no field .*wrong value$/);
  assert.throws(() => read(t, "paht: /a"), /paht: is no field/);
});

test("--match makes an API answer what is below its path, and exact takes it back", (t) => {
  assert.equal(read(t, "path: /a", { match: "prefix" }).match, MatchType.PREFIX);
  assert.equal(read(t, "{ path: /a, match: prefix }", { match: "exact" }).match, MatchType.EXACT);
});

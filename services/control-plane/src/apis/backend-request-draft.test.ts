import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADERS, isMappable } from "@millrace/names";
import { Violations } from "../requests/violations.ts";
import { type BackendRequestDraft, type MappedApi, readBackendRequest } from "./backend-request-draft.ts";

const API: MappedApi = {
  path: "/pets/{id}",
  match: "exact",
  parameters: [
    { name: "id", location: "path" },
    { name: "limit", location: "query" },
    { name: "X-Mode", location: "header" },
  ],
  backendKind: "http",
};

function faults(draft: Partial<BackendRequestDraft>, api: Partial<MappedApi> = {}): string[] {
  const violations = new Violations();
  readBackendRequest(
    { method: "", path: "", parameters: [], constants: [], ...draft },
    { ...API, ...api },
    violations,
    "r",
  );
  return violations.found.map(({ field }) => field);
}

function move(from: string, to: string) {
  const [location, name] = from.split(".") as [string, string];
  const [backendLocation, backendName] = to.split(".") as [string, string];
  return { location, name, backendLocation, backendName };
}

const constant = (to: string, value: string) => {
  const [location, name] = to.split(".") as [string, string];
  return { location, name, value };
};

test("parameters of the API move, constants are added, and the path's own parameters stay where it names them", () => {
  const parameters = [move("query.limit", "header.X-Limit"), move("header.x-mode", "path.mode")];
  const constants = [
    constant("query.v", "2"),
    constant("path.kind", "pet"),
    constant("header.Authorization", "Basic eA=="),
  ];
  assert.deepEqual(faults({ method: "POST", path: "/{kind}/{mode}/{id}", parameters, constants }), []);
  assert.deepEqual(faults({}, { backendKind: undefined }), [], "the environment's backend may be an http server");
});

test("each fault is named where it is", () => {
  assert.deepEqual(faults({}, { backendKind: "function" }), ["r"]);
  assert.deepEqual(faults({ method: "FETCH" }), ["r.method"]);
  assert.deepEqual(faults({ path: "items" }), ["r.path"]);
  assert.deepEqual(faults({ path: "/a/../b" }), ["r.path"]);
  assert.deepEqual(faults({ path: "/items/{other}" }), ["r.path"], "nothing fills it");
  assert.deepEqual(faults({ parameters: [move("query.limit", "path.limit")] }), ["r.path"], "it has no such place");
  assert.deepEqual(faults({ parameters: [move("query.other", "query.x")] }), ["r.parameters[0].name"]);
  const twice = [move("query.limit", "query.a"), move("query.limit", "query.b")];
  assert.deepEqual(faults({ parameters: twice }), ["r.parameters[1].name"]);
  const same = [move("query.limit", "header.X"), move("path.id", "header.x")];
  assert.deepEqual(faults({ parameters: same }), ["r.parameters[1].backend_name"]);
  const both = { parameters: [move("query.limit", "query.v")], constants: [constant("query.v", "2")] };
  assert.deepEqual(faults(both), ["r.constants[0].name"]);
  assert.deepEqual(faults({ parameters: [move("query.limit", "cookie.x")] }), ["r.parameters[0].backend_location"]);
});

test("what frames a message, or only a gateway says, is nobody's to set", () => {
  const taken = [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "X-Forwarded-For",
    "x-millrace-depth",
    "forwarded",
    "x_y",
    "a b",
    "a:b",
  ];
  for (const name of [...taken, "", "x\r\ny"]) {
    assert.equal(faults({ constants: [constant(`header.${name}`, "x")] })[0], "r.constants[0].name", name);
  }
  for (const name of Object.keys(HEADERS)) {
    const expected = isMappable(name) ? [] : ["r.constants[0].name"];
    assert.deepEqual(faults({ constants: [constant(`header.${name.toUpperCase()}`, "x")] }), expected, name);
  }
});

test("a constant is printable, and in a path a segment", () => {
  for (const value of ["a\r\nb", "é", "\0", "x".repeat(4_097)]) {
    assert.deepEqual(faults({ constants: [constant("header.x", value)] }), ["r.constants[0].value"]);
  }
  assert.deepEqual(faults({ constants: [constant("header.x", "x".repeat(4_096))] }), []);
  for (const value of ["", "..", "a/b", "a\\b"]) {
    assert.deepEqual(faults({ path: "/{x}", constants: [constant("path.x", value)] }), ["r.constants[0].value"], value);
  }
});

test("there are at most 100 of each", () => {
  const constants = Array.from({ length: 101 }, (_, i) => constant(`query.q${i}`, "1"));
  assert.deepEqual(faults({ constants: constants.slice(1) }), []);
  assert.deepEqual(faults({ constants }), ["r.constants"]);
});

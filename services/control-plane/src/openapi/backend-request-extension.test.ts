import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendRequest } from "../apis/api.ts";
import {
  BACKEND_REQUEST_EXTENSION,
  readBackendRequestExtension,
  toBackendRequestExtension,
} from "./backend-request-extension.ts";
import { ImportReport } from "./report.ts";

function read(extension: unknown) {
  const report = new ImportReport("shop");
  const operation = { value: { [BACKEND_REQUEST_EXTENSION]: extension }, pointer: "#/paths/~1a/get" };
  let faults: readonly { field: string }[] = [];
  const draft = readBackendRequestExtension(operation, report);
  try {
    report.throwIfFaulty();
  } catch (error) {
    faults = (error as { violations: { field: string }[] }).violations;
  }
  return { draft, faults: faults.map(({ field }) => field.replace(/^.*backend-request/, "")) };
}

test("what is exported is read back as it was", () => {
  const request: BackendRequest = {
    method: "POST",
    path: "/items/{id}",
    parameters: [{ name: "a.b", location: "query", backendName: "X-A", backendLocation: "header" }],
    constants: [{ name: "v.w", location: "query", value: "" }],
  };
  assert.deepEqual(read(toBackendRequestExtension(request)), { draft: request, faults: [] });
  const nothing: BackendRequest = { method: "", path: "", parameters: [], constants: [] };
  assert.deepEqual(read(toBackendRequestExtension(nothing)), { draft: nothing, faults: [] });
});

test("what cannot be read is named", () => {
  assert.deepEqual(read("x").faults, [""]);
  assert.deepEqual(read({ verb: "GET", method: 1, path: [] }).faults, ["/verb", "/method", "/path"]);
  const maps = { parameters: { limit: "query.x", "query.a": 1 }, constants: ["a"] };
  assert.deepEqual(read(maps).faults.toSorted(), ["/constants", "/parameters/limit", "/parameters/query.a"]);
});

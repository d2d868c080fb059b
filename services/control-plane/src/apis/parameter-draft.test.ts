import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADERS, isPassedOn } from "@millrace/names";
import { Violations } from "../requests/violations.ts";
import { checkParameters, type ParameterDraft } from "./parameter-draft.ts";

const TEXT: Omit<ParameterDraft, "name" | "location"> = {
  type: "string",
  required: true,
  description: "",
  defaultJson: "",
  schemaJson: "",
  deprecated: false,
  exampleJson: "",
  arrayFormat: "",
};

function faults(location: string, name: string): string[] {
  const violations = new Violations();
  checkParameters(violations, "p", [{ ...TEXT, name, location }], []);
  return violations.found.map(({ field, description }) => `${field} ${description}`);
}

test("a header that gateways take from nobody is no parameter", () => {
  for (const name of Object.keys(HEADERS)) {
    const expected = isPassedOn(name) ? [] : ["p[0].name is a header that gateways pass on from nobody"];
    assert.deepEqual(faults("header", name.toUpperCase()), expected, name);
  }
  assert.equal(faults("header", "x-forwarded-for").length, 1);
  assert.match(faults("header", "api_key")[0]!, /no underscore/);
  assert.match(faults("header", "a b")[0]!, /no usable name/);
  assert.deepEqual(
    [faults("query", "api_key"), faults("query", "x-real-ip"), faults("header", "X-Mode")],
    [[], [], []],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADERS, isSeenByRules } from "@millrace/names";
import { Violations } from "../requests/violations.ts";
import { readRoutingRules } from "./routing-rule-draft.ts";

function faultsOfHeader(name: string): string[] {
  const violations = new Violations();
  const backend = { kind: "mock", status: 200, headers: {}, body: "" } as const;
  readRoutingRules([{ name: "canary", headers: [{ name, value: "1" }], query: [], backend }], "shop", violations, "r");
  return violations.found.map(({ field }) => field);
}

test("a rule asks for headers that gateways see, and for no other", () => {
  for (const name of Object.keys(HEADERS)) {
    assert.deepEqual(faultsOfHeader(name.toUpperCase()), isSeenByRules(name) ? [] : ["r[0].headers[0]"], name);
  }
  for (const name of ["X-Proto", "J-Forwarded-For", "x-forwarded-for", "x-millrace-depth", "api_key", "a b"]) {
    assert.deepEqual(faultsOfHeader(name), ["r[0].headers[0]"], name);
  }
  for (const name of ["X-Canary", "x-jdcloud-date"]) assert.deepEqual(faultsOfHeader(name), [], name);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RoutingRule } from "@millrace/proto/release/v1/release";
import { compileRule, routedElsewhere } from "./routing-rules.ts";

function rule(route: string, headers: Record<string, string>, query: Record<string, string> = {}) {
  const conditions = (map: Record<string, string>) => Object.entries(map).map(([name, value]) => ({ name, value }));
  return compileRule(RoutingRule.fromPartial({ headers: conditions(headers), query: conditions(query) }), route);
}

const RULES = [
  rule("canary", { "X-Canary": "1" }, { beta: "yes please" }),
  rule("blue", { "x-color": "blue" }),
  rule("query", {}, { ä: "" }),
];
const routed = (query: string, ...headers: string[]) => routedElsewhere(RULES, { query, headers });

test("a rule counts when all of its conditions hold, with exactly their values", () => {
  assert.equal(routed("?beta=yes+please", "x-canary", "1"), "canary");
  assert.equal(routed("?a=1&b%65ta=yes%20please", "x-other", "2", "x-canary", "1"), "canary");
  assert.equal(routed("", "x-canary", "1"), null);
  assert.equal(routed("?beta=yes+please"), null);
  assert.equal(routed("?beta=yes+please", "x-canary", "10"), null);
  assert.equal(routed("?beta=YES+please", "x-canary", "1"), null);
  assert.equal(routed("?%C3%A4"), "query");
});

test("the first rule that fits counts, and of several values one is enough", () => {
  assert.equal(routed("?beta=yes+please", "x-color", "blue", "x-canary", "1"), "canary");
  assert.equal(routed("", "x-color", "green", "x-color", "blue"), "blue");
  assert.equal(routed("?beta=no&beta=yes+please", "x-canary", "1"), "canary");
});

test("a query that cannot be decoded fits nothing by accident, and breaks nothing", () => {
  for (const query of ["?%", "?%E0%A4%A", "?beta=%zz", "?=&&=", "?beta"]) assert.equal(routed(query), null, query);
});

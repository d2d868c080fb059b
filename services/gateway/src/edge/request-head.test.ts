import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { HEADERS, isPassedOn, isSeenByRules } from "@millrace/names";
import { RoutingRule } from "@millrace/proto/release/v1/release";
import { isRefusal } from "../answering/reasons.ts";
import { compileRule, routedElsewhere } from "../routing/routing-rules.ts";
import { readRequestHead } from "./request-head.ts";

/** Values for those that are read strictly. */
const VALUES: Readonly<Record<string, string>> = { "transfer-encoding": "chunked", host: "a.example" };

/** The headers of a request with this one that go on. */
function passed(name: string, value = VALUES[name] ?? "1"): readonly string[] {
  const rawHeaders = name === "host" ? ["Host", value] : ["Host", "a.example", name.toUpperCase(), value];
  const head = readRequestHead({ rawHeaders, url: "/", method: "GET", httpVersion: "1.1" } as IncomingMessage);
  assert.ok(!isRefusal(head), name);
  return head.headers;
}

test("of each header that the table of headers names what it says goes on", () => {
  for (const name of [...Object.keys(HEADERS), "x-forwarded-host", "x-millrace-depth", "x-jdcloud-date", "accept"]) {
    assert.equal(passed(name).includes(name), isPassedOn(name), name);
  }
});

test("each header that a rule may ask for is seen by it", () => {
  for (const name of [...Object.keys(HEADERS), "x-canary", "x-jdcloud-date", "x-proto"].filter(isSeenByRules)) {
    const rule = compileRule(RoutingRule.fromPartial({ headers: [{ name, value: "1" }] }), "there");
    assert.equal(routedElsewhere([rule], { query: "", headers: passed(name) }), "there", name);
  }
});

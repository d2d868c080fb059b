import assert from "node:assert/strict";
import { test } from "node:test";
import { HEADERS, isAnswerable, isHeaderName, isMappable, isPassedOn, isSeenByRules } from "./headers.ts";

test("each row's name is one that callers can send, in lower case", () => {
  for (const name of Object.keys(HEADERS)) assert.ok(isHeaderName(name) && name === name.toLowerCase(), name);
});

test("what a rule asks for can be mapped, what can be mapped is passed on, and what is of a hop is nowhere", () => {
  for (const [name, { hop }] of Object.entries(HEADERS)) {
    assert.ok(!isSeenByRules(name) || isMappable(name), name);
    assert.ok(!isMappable(name) || isPassedOn(name), name);
    if (hop) assert.ok(!isPassedOn(name) && !isAnswerable(name), name);
  }
});

test("a header that no row names goes everywhere, unless its prefix is a gateway's", () => {
  for (const name of ["accept", "x-user", "x-jdcloud-date", "proxy-status", "x-forwarded", "millrace-x"]) {
    assert.ok(isPassedOn(name) && isMappable(name) && isSeenByRules(name) && isAnswerable(name), name);
  }
  for (const name of ["x-forwarded-for", "x-forwarded-x", "x-millrace-depth"]) {
    assert.ok(!isPassedOn(name) && !isMappable(name) && !isSeenByRules(name), name);
  }
});

test("names with an underscore, a space or nothing in them are none", () => {
  for (const name of ["api_key", "a b", "", "a:b", "ä", "x\r\ny", "x".repeat(257)])
    assert.ok(!isHeaderName(name), name);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Allowance, parseAllowedRange, readAddress } from "@millrace/outbound";
import { type EgressPolicy, isListed, policyOf, policyText } from "./egress-policy.ts";
import { refusalOfAddress, refusalOfHost, refusalOfLookup } from "./verdict.ts";

const HTTP: EgressPolicy = { mode: "http" };
const NONE: EgressPolicy = { mode: "none" };
const list = (...hosts: string[]) => policyOf({ egress: { mode: "hosts", hosts } });
const at = (text: string) => readAddress(text)!;
const terms = (policy: EgressPolicy, allow: string[] = [], own: string[] = []) => ({
  policy,
  allowance: new Allowance(allow.map((text) => parseAllowedRange(text)!)),
  isOwn: ({ address }: { address: string }) => own.includes(address),
});

test("a version without a policy has http, and one that cannot be understood has none", () => {
  assert.deepEqual(policyOf({ egress: undefined }), HTTP);
  assert.deepEqual(policyOf({ egress: { mode: "http", hosts: [] } }), HTTP);
  assert.deepEqual(policyOf({ egress: { mode: "all", hosts: ["a:1"] } }), NONE);
  assert.deepEqual(list("nonsense", "a.example:1"), { mode: "hosts", hosts: [{ host: "a.example", port: 1 }] });
});

test("policies that allow the same have one text", () => {
  assert.equal(policyText(list("b.example:1", "A.example:2", "b.example:1")), "a.example:2,b.example:1");
  assert.equal(policyText(list()), "none");
  assert.notEqual(policyText(list("b.example:1")), policyText(list("b.example:2")));
});

test("an entry stands for its host and port, a wildcard for every name below", () => {
  const policy = list("db.example.com:5432", "*.example.org:443", "10.0.0.1:80");
  for (const [host, port, listed] of [
    ["db.example.com", 5432, true],
    ["db.example.com", 5433, false],
    ["x.db.example.com", 5432, false],
    ["a.example.org", 443, true],
    ["a.b.example.org", 443, true],
    ["example.org", 443, false],
    ["evilexample.org", 443, false],
    ["a.example.org", 80, false],
    ["10.0.0.1", 80, true],
    ["10.0.0.2", 80, false],
  ] as const) {
    assert.equal(isListed(policy, host, port), listed, `${host}:${port}`);
  }
});

test("http is public addresses on ports 80 and 443", () => {
  const http = terms(HTTP, [], ["9.9.9.9"]);
  assert.equal(refusalOfHost(http, "a.example", 80), undefined);
  assert.match(refusalOfHost(http, "a.example", 8080)!, /ports 80 and 443.*a\.example:8080/);
  assert.equal(refusalOfAddress(http, "a.example", 443, at("1.1.1.1")), undefined);
  for (const address of ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "9.9.9.9"]) {
    assert.match(refusalOfAddress(http, "a.example", 443, at(address))!, /no public address.*must list.*operator/);
  }
});

test("none is nothing, not even a lookup", () => {
  const none = terms(NONE, ["1.1.1.1:443"]);
  assert.match(refusalOfHost(none, "a.example", 443)!, /egress is none/);
  assert.ok(refusalOfAddress(none, "a.example", 8080, at("10.0.0.1")));
  assert.match(refusalOfLookup(none, "a.example")!, /egress is none/);
});

test("a list is what it names, and names are looked up only if it does", () => {
  const listed = terms(list("a.example:25", "*.b.example:1"));
  assert.equal(refusalOfHost(listed, "a.example", 25), undefined);
  assert.match(refusalOfHost(listed, "a.example", 80)!, /\*\.b\.example:1, a\.example:25; add a\.example:80 to it/);
  assert.equal(refusalOfLookup(listed, "x.b.example"), undefined);
  assert.match(refusalOfLookup(listed, "c.example")!, /does not list c\.example/);
  assert.equal(refusalOfAddress(listed, "a.example", 25, at("1.1.1.1")), undefined);
  assert.match(refusalOfAddress(listed, "a.example", 25, at("10.0.0.1"))!, /operator must allow/);
});

test("what the operator allows is for policies that name it, and with a port for http too", () => {
  const allow = ["10.1.0.0/16", "10.2.0.1:8080", "fd00::/8"];
  const listed = terms(list("a.example:5432"), allow);
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"]) {
    assert.equal(refusalOfAddress(listed, "a.example", 5432, at(address)), undefined, address);
  }
  for (const address of ["10.2.0.1", "10.3.0.1", "fe80::1"]) {
    assert.ok(refusalOfAddress(listed, "a.example", 5432, at(address)), address);
  }
  const http = terms(HTTP, allow);
  assert.equal(refusalOfHost(http, "a.example", 8080), undefined);
  assert.equal(refusalOfAddress(http, "a.example", 8080, at("10.2.0.1")), undefined);
  for (const [address, port] of [
    ["10.1.2.3", 80],
    ["10.2.0.1", 80],
    ["10.2.0.2", 8080],
    ["1.1.1.1", 8080],
  ] as const) {
    assert.ok(refusalOfAddress(http, "a.example", port, at(address)), `${address}:${port}`);
  }
});

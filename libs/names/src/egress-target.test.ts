import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalHost, formatEgressTarget, parseEgressTarget } from "./egress-target.ts";

test("a host has one way to be written", () => {
  for (const [text, host] of [
    ["Example.COM", "example.com"],
    ["example.com.", "example.com"],
    ["München.de", "xn--mnchen-3ya.de"],
    ["_srv.example.com", "_srv.example.com"],
    ["[::1]", "::1"],
    ["::0001", "::1"],
    ["::FFFF:127.0.0.1", "::ffff:127.0.0.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
  ] as const) {
    assert.equal(canonicalHost(text), host, text);
  }
});

test("what a resolver reads as an address is one", () => {
  for (const text of ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "①②⑦.⓪.⓪.①", "127.0.0.1."]) {
    assert.equal(canonicalHost(text), "127.0.0.1", text);
  }
});

test("what is no host is refused", () => {
  const none = ["", ".", "a..b", "a b", "a/b", "a@b", "a:80", "a\0b", "ex%61mple.com", "fe80::1%eth0", "256.1.1.1"];
  for (const text of [...none, "*", "[", "[]", "[a", "a?b", "a\\b", `${"x".repeat(64)}.com`, "x.".repeat(200)]) {
    assert.equal(canonicalHost(text), undefined, text);
  }
});

test("a target is a host and a port", () => {
  assert.deepEqual(parseEgressTarget("DB.example.com:5432"), { host: "db.example.com", port: 5432 });
  assert.deepEqual(parseEgressTarget("*.example.com:443"), { host: "*.example.com", port: 443 });
  assert.deepEqual(parseEgressTarget("[::1]:6379"), { host: "::1", port: 6379 });
  for (const text of ["example.com", "example.com:", ":443", "a:0", "a:65536", "*.127.0.0.1:1", "*:443", "::1:443"]) {
    assert.equal(parseEgressTarget(text), undefined, text);
  }
});

const ODD = fc.constantFrom("\ud800", "\0", ".", "[", "]", ":", "%", "1", "x", "①", "xn--", "*", "ß", "\u200d");

test("a target that was read is written so that it is read again", () => {
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      const target = parseEgressTarget(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
      if (target) assert.deepEqual(parseEgressTarget(formatEgressTarget(target)), target);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: ODD })), (text) => {
      void parseEgressTarget(`${text}:1`);
      const host = canonicalHost(text);
      if (host !== undefined) assert.equal(canonicalHost(host), host);
    }),
    { numRuns: 2_000 },
  );
});

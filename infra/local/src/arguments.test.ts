import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStartArguments } from "./arguments.ts";

test("without flags one runner and one gateway are started", () => {
  assert.deepEqual(parseStartArguments([]), {
    help: false,
    runners: 1,
    gateways: 1,
    slots: 64,
    minimumTier: "development",
    egressAllow: [],
    backendAllow: [],
    webhookAllow: [],
    https: undefined,
    dnsServers: [],
    state: undefined,
  });
});

test("counts are taken from 1 to 32", () => {
  assert.equal(parseStartArguments(["--runners", "32"]).runners, 32);
  for (const value of ["0", "33", "1.5", "", "two", "1e1"]) {
    assert.throws(() => parseStartArguments([`--runners=${value}`]), /^Error: --runners takes a number from 1 to 32/);
  }
});

test("slots are taken from 1 to 4096", () => {
  assert.equal(parseStartArguments(["--slots", "4096"]).slots, 4096);
  for (const value of ["0", "4097"]) {
    assert.throws(() => parseStartArguments([`--slots=${value}`]), /^Error: --slots takes a number from 1 to 4096/);
  }
});

test("the weakest isolation to accept is one of the three tiers", () => {
  assert.equal(parseStartArguments(["--minimum-tier", "full"]).minimumTier, "full");
  assert.throws(
    () => parseStartArguments(["--minimum-tier=best"]),
    /^Error: --minimum-tier takes development, reduced, full/,
  );
});

test("addresses that functions, backends and webhooks may have are a list, in one flag or several", () => {
  const { egressAllow, backendAllow, webhookAllow } = parseStartArguments([
    "--egress-allow",
    "10.0.0.1:5432,10.1.0.0/16",
    "--egress-allow=[fd00::1]:80",
    "--backend-allow=10.0.0.2",
    "--webhook-allow=127.0.0.1:9000",
  ]);
  assert.deepEqual(backendAllow, ["10.0.0.2"]);
  assert.deepEqual(webhookAllow, ["127.0.0.1:9000"]);
  assert.deepEqual(egressAllow, ["10.0.0.1:5432", "10.1.0.0/16", "[fd00::1]:80"]);
});

test("TLS is on with a certificate or without; a certificate without its key is refused", () => {
  assert.deepEqual(parseStartArguments(["--https"]).https, {});
  const files = ["--https-certificate", "/a.crt", "--https-key", "/a.key"];
  assert.deepEqual(parseStartArguments(files).https, { certificate: { certificate: "/a.crt", key: "/a.key" } });
  assert.throws(() => parseStartArguments(["--https-key", "/a.key"]), /go together/);
  assert.deepEqual(parseStartArguments(["--dns", "127.0.0.1:53,192.0.2.1"]).dnsServers, ["127.0.0.1:53", "192.0.2.1"]);
});

test("unknown flags and stray words are refused by name", () => {
  assert.throws(() => parseStartArguments(["--runner", "3"]), /--runner/);
  assert.throws(() => parseStartArguments(["3"]), /'3'/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAtLeast, parseVersion } from "./engine-program.ts";

test("the version is found in what each engine prints", () => {
  assert.equal(parseVersion("nats-server: v2.15.1\n"), "2.15.1");
  assert.equal(parseVersion("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), "15.18");
  assert.equal(parseVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"), "7.0.15");
  assert.equal(parseVersion("postgres (PostgreSQL) 19beta1"), undefined);
  assert.equal(parseVersion("no version"), undefined);
});

test("versions are compared number by number, not letter by letter", () => {
  assert.equal(isAtLeast("2.12.6", "2.12.6"), true);
  assert.equal(isAtLeast("2.12.5", "2.12.6"), false);
  assert.equal(isAtLeast("2.9.10", "2.12.6"), false);
  assert.equal(isAtLeast("10.0", "7"), true);
  assert.equal(isAtLeast("15", "15"), true);
  assert.equal(isAtLeast("14.99", "15"), false);
});

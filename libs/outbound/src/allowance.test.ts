import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllowedRange } from "./allowance.ts";

test("an operator's entry is an address, a range, or either with a port", () => {
  const read = (text: string) => {
    const range = parseAllowedRange(text);
    return range && [range.net.address, range.prefix, range.port];
  };
  assert.deepEqual(read("10.0.0.1"), ["10.0.0.1", 32, undefined]);
  assert.deepEqual(read("10.0.0.0/8:5432"), ["10.0.0.0", 8, 5432]);
  assert.deepEqual(read("127.0.0.1:80"), ["127.0.0.1", 32, 80]);
  assert.deepEqual(read("fd00::/8"), ["fd00::", 8, undefined]);
  assert.deepEqual(read("[fd00::1]:443"), ["fd00::1", 128, 443]);
  assert.deepEqual(read("[fd00::]/8:443"), ["fd00::", 8, 443]);
  for (const text of [
    "",
    "a.example",
    "10.0.0.0/33",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "10.0.0.1/",
    "1.1.1.1:2:3",
    "[::1",
  ]) {
    assert.equal(read(text), undefined, text);
  }
});

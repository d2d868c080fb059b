import assert from "node:assert/strict";
import { test } from "node:test";
import { quantileOf, slopeOf, spreadOf } from "./statistics.ts";

test("a spread is of the rounds that measured something", () => {
  assert.deepEqual(spreadOf([3, Number.NaN, 1, 2]), { min: 1, median: 2, max: 3 });
  assert.ok(Number.isNaN(spreadOf([]).median));
});

test("the 99th of a hundred is not the largest", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(quantileOf(values, 0.99), 99);
  assert.equal(quantileOf(values, 1), 100);
});

test("a slope is that of a line, with noise around it", () => {
  const points = Array.from({ length: 11 }, (_, x) => ({ x, y: 5 + 2 * x + (x % 2) }));
  assert.ok(Math.abs(slopeOf(points) - 2) < 0.05, `${slopeOf(points)}`);
});

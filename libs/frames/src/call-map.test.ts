import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CallMap } from "./call-map.ts";

// Numbers that meet in few places, and the last ones before they begin anew.
const number = fc.oneof(
  fc.nat(300),
  fc.nat(40).map((n) => n * 64),
  fc.nat(8).map((n) => 2 ** 32 - 1 - n),
);
const step = fc.record({ number, kind: fc.constantFrom("set", "set", "delete", "clear") });

test("it holds what a Map would hold, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const map = new CallMap<{ n: number }>();
      const model = new Map<number, { n: number }>();
      for (const [at, { number, kind }] of steps.entries()) {
        if (kind === "set") {
          const value = { n: at };
          map.set(number, value);
          model.set(number, value);
        } else if (kind === "delete") assert.equal(map.delete(number), model.delete(number));
        else if (at % 50 === 0) {
          map.clear();
          model.clear();
        }
        assert.equal(map.size, model.size);
      }
      for (const { number } of steps) {
        assert.equal(map.get(number), model.get(number));
        assert.equal(map.has(number), model.has(number));
      }
      const byNumber = (one: [number, unknown], other: [number, unknown]) => one[0] - other[0];
      assert.deepEqual(map.entries().sort(byNumber), [...model].sort(byNumber));
      assert.equal(map.values().length, model.size);
    }),
    { numRuns: 500 },
  );
});

test("what it lists stays as it was while calls come and go", () => {
  const map = new CallMap<{ n: number }>();
  for (let n = 0; n < 100; n++) map.set(n, { n });
  const seen: number[] = [];
  for (const { n } of map.values()) {
    seen.push(n);
    map.delete(n);
  }
  assert.deepEqual([seen.length, map.size], [100, 0]);
});

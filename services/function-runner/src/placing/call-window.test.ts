import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CallWindow } from "./call-window.ts";

test("a number is new once, in whatever order numbers come within the window, also where they wrap", () => {
  const steps = fc.array(fc.integer({ min: -2_000, max: 2_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), steps, (start, offsets) => {
      const window = new CallWindow();
      const seen = new Set<number>();
      for (const offset of offsets) {
        const number = (start + offset) >>> 0;
        assert.equal(window.take(number), !seen.has(number), `${number}`);
        seen.add(number);
      }
    }),
    { numRuns: 300 },
  );
});

test("numbers that rise for ever are new, and the last four thousand of them are remembered", () => {
  const window = new CallWindow();
  for (let number = 0; number < 20_000; number += 3) assert.ok(window.take(number));
  assert.equal(window.take(19_998), false);
  assert.equal(window.take(19_998 - 3 * 1_300), false);
});

test("a gateway that was started again counts from anywhere", () => {
  const window = new CallWindow();
  assert.ok(window.take(4_000_000_000));
  assert.ok(window.take(1_000_000));
  assert.ok(window.take(1_000_001));
  assert.equal(window.take(1_000_000), false);
});

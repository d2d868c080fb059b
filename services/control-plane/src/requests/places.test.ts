import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Places } from "./places.ts";

test("whoever comes and goes, there are never more than fit, nor more of one, and none is refused without need", () => {
  const come = fc.record({ kind: fc.constant("come"), who: fc.constantFrom("a", "b", "c", "d") });
  const go = fc.record({ kind: fc.constant("go"), who: fc.nat({ max: 20 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.oneof(come, go), { maxLength: 60 }),
      (max, ofOneMax, steps) => {
        const places = new Places({ max, ofOneMax });
        const left: (() => void)[] = [];
        let inside: { who: string; leave: () => void }[] = [];
        const ofOne = (who: string) => inside.filter((one) => one.who === who).length;
        for (const { kind, who } of steps) {
          if (kind === "come") {
            const leave = places.enter(String(who));
            assert.equal(leave !== null, inside.length < max && ofOne(String(who)) < ofOneMax);
            if (leave) inside.push({ who: String(who), leave });
          } else {
            const one = inside[Number(who) % Math.max(1, inside.length)];
            inside = inside.filter((other) => other !== one);
            if (one) left.push(one.leave);
            // Who has left leaves no second time.
            for (const leave of left) leave();
          }
          assert.deepEqual([places.taken, places.isFull], [inside.length, inside.length >= max]);
          const full = [...new Set(inside.map((one) => one.who))].filter((one) => ofOne(one) >= ofOneMax);
          assert.deepEqual(places.fullHolders().toSorted(), full.toSorted());
        }
      },
    ),
  );
});

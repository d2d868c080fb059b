import assert from "node:assert/strict";
import { test } from "node:test";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import fc from "fast-check";
import { chooseRunner } from "./placement.ts";
import { freeSlots, type Runner, Runners } from "./runners.ts";

const beat = (fields: Partial<Beat>) => Beat.fromPartial({ epoch: "e1", sequence: 1, slots: 4, full: true, ...fields });

function setUp() {
  const lost: string[] = [];
  return { lost, runners: new Runners({ onLost: ({ id }) => lost.push(id) }) };
}

test("a runner is warm for what its beats add, until they remove it", () => {
  const { runners } = setUp();
  const warm = (key: string) => runners.warmFor(key).map(({ id }) => id);
  runners.onBeat("a", beat({ warm: ["f@1", "g@1"] }), 0);
  runners.onBeat("b", beat({ warm: ["f@1"] }), 0);
  runners.onBeat("a", beat({ sequence: 2, full: false, warm: ["h@1"], cooled: ["f@1"] }), 0);
  assert.deepEqual([warm("f@1"), warm("g@1"), warm("h@1")], [["b"], ["a"], ["a"]]);
  runners.onBeat("a", beat({ sequence: 3, warm: ["f@1"] }), 0);
  assert.deepEqual([warm("f@1"), warm("g@1"), warm("h@1")], [["b", "a"], [], []]);
});

test("a runner is lost when its last beat is too old, and not a moment sooner", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({}), 1_000);
  runners.sweep(4_000, 3_000, 9_999);
  assert.deepEqual(lost, []);
  runners.sweep(4_001, 3_000, 9_999);
  assert.deepEqual(lost, ["a"]);
  assert.equal(runners.count, 0);
});

test("nobody is lost when this process stood still itself", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({}), 1_000);
  runners.sweep(1_000, 3_000, 1_000);
  runners.sweep(9_000, 3_000, 1_000);
  assert.deepEqual(lost, []);
  runners.sweep(9_500, 3_000, 1_000);
  assert.deepEqual(lost, []);
});

test("another epoch means another process: the one before is lost at once", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({ warm: ["f@1"] }), 0);
  runners.onBeat("a", beat({ epoch: "e2", sequence: 1 }), 10);
  assert.deepEqual(lost, ["a"]);
  assert.equal(runners.get("a")?.epoch, "e2");
  assert.deepEqual(runners.warmFor("f@1"), []);
});

test("an older beat that comes late changes nothing", () => {
  const { runners } = setUp();
  runners.onBeat("a", beat({ sequence: 5, slots: 4 }), 0);
  runners.onBeat("a", beat({ sequence: 4, slots: 1 }), 0);
  assert.equal(runners.get("a")?.slots, 4);
});

test("slots that others take, our own calls and a drain leave fewer free", () => {
  const { runners } = setUp();
  runners.onBeat("a", beat({ slots: 4, slotsBusy: 2 }), 0);
  const runner = runners.get("a")!;
  assert.equal(freeSlots(runner), 2);
  runner.outstanding = 2;
  assert.equal(freeSlots(runner), 0);
  // The two that are busy now are ours.
  runners.onBeat("a", beat({ sequence: 2, slots: 4, slotsBusy: 2 }), 0);
  assert.equal(freeSlots(runner), 2);
  runner.fullAtSequence = 2;
  assert.equal(freeSlots(runner), 0);
  runners.onBeat("a", beat({ sequence: 3, slots: 4, draining: true }), 0);
  assert.equal(freeSlots(runner), 0);
});

const arbitraryRunner = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  outstanding: fc.nat(5),
  draining: fc.boolean(),
});

test("placement takes a runner with a free slot whenever there is one, a warm one first", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRunner, { maxLength: 6 }),
      fc.array(fc.boolean(), { minLength: 6 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (shapes, warmth, stream) => {
        const all = shapes.map((shape, at) => ({
          id: String(at),
          takenByOthers: 0,
          fullAtSequence: -1,
          sequence: 0,
          ...shape,
        })) as Runner[];
        const warm = all.filter((_, at) => warmth[at]);
        const random = () => stream.next().value as number;
        const chosen = chooseRunner(warm, all, { excludes: ({ id }) => id === "0" }, random);
        const usable = all.filter((runner) => runner.id !== "0" && freeSlots(runner) > 0);
        assert.equal(chosen === null, usable.length === 0);
        if (chosen === null) return;
        assert.ok(usable.includes(chosen));
        assert.equal(
          warm.includes(chosen),
          usable.some((runner) => warm.includes(runner)),
        );
      },
    ),
  );
});

test("of two warm runners the less loaded is taken, in proportion to their slots", () => {
  const runner = (id: string, slots: number, outstanding: number) =>
    ({ id, slots, outstanding, takenByOthers: 0, draining: false, fullAtSequence: -1, sequence: 0 }) as Runner;
  const both = [runner("small", 2, 1), runner("large", 16, 2)];
  for (const value of [0, 0.3, 0.6, 0.99]) {
    assert.equal(chooseRunner(both, both, { excludes: () => false }, () => value)?.id, "large");
  }
});

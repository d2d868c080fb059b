import assert from "node:assert/strict";
import { test } from "node:test";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import fc from "fast-check";
import { chooseRunner } from "./placement.ts";
import { freeSlots, hashOf, type Runner, Runners, slotToKnockAt, takenSlots } from "./runners.ts";

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
  assert.equal(runners.sweep(4_000, 3_000, 9_999, Infinity), false);
  assert.deepEqual(lost, []);
  assert.equal(runners.sweep(4_001, 3_000, 9_999, Infinity), false);
  assert.deepEqual(lost, ["a"]);
  assert.equal(runners.count, 0);
});

test("a runner that is silent is not lost before the bus has echoed: it may be the bus", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({}), 1_000);
  assert.equal(runners.sweep(4_001, 3_000, 9_999, -Infinity), true);
  assert.equal(runners.sweep(4_101, 3_000, 9_999, 3_900), true, "that echo was asked for while it was not silent");
  assert.deepEqual(lost, []);
  assert.equal(runners.sweep(4_201, 3_000, 9_999, 4_001), false);
  assert.deepEqual(lost, ["a"]);
});

test("nobody is lost when this process stood still itself", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({}), 1_000);
  runners.sweep(1_000, 3_000, 1_000, Infinity);
  runners.sweep(9_000, 3_000, 1_000, Infinity);
  assert.deepEqual(lost, []);
  runners.sweep(9_500, 3_000, 1_000, Infinity);
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
  // It rejected one, so the two are all it has for us until it beats again.
  runner.deniedSlots = 2;
  assert.equal(freeSlots(runner), 0);
  runner.outstanding = 1;
  assert.equal(freeSlots(runner), 1);
  runners.onBeat("a", beat({ sequence: 3, slots: 4, draining: true }), 0);
  assert.equal(freeSlots(runner), 0);
});

const PLACED = { functionKey: "f@1", depth: 0, excludes: () => false };

const fresh = (id: string): Runner => ({
  id,
  epoch: "e",
  hash: hashOf(id),
  sequence: 0,
  slots: 16,
  draining: false,
  warm: new Set(),
  beatAtMs: 0,
  takenByOthers: 0,
  deniedSlots: 0,
  outstanding: 0,
  isTorn: false,
  knockedAtSequence: -1,
});

const arbitraryRunner = fc.record({
  slots: fc.integer({ min: 1, max: 40 }),
  outstanding: fc.nat(50),
  draining: fc.boolean(),
});

test("placement takes a runner with a free slot whenever there is one: a warm one, or for a loaded warm one another that is not", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRunner, { maxLength: 6 }),
      fc.array(fc.boolean(), { minLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (shapes, warmth, loadMax, stream) => {
        const all = shapes.map((shape, at) => ({
          ...fresh(String(at)),
          ...shape,
        }));
        const warm = all.filter((_, at) => warmth[at]);
        const random = () => stream.next().value as number;
        const chosen = chooseRunner({ warm, all, loadMax, random }, { ...PLACED, excludes: ({ id }) => id === "0" });
        const usable = all.filter((runner) => runner.id !== "0" && freeSlots(runner) > 0);
        assert.equal(chosen === null, usable.length === 0);
        if (chosen === null) return;
        assert.ok(usable.includes(chosen));
        const isLight = (runner: Runner) => takenSlots(runner) < Math.ceil(loadMax * runner.slots);
        if (usable.some((runner) => warm.includes(runner)) && !warm.includes(chosen)) assert.ok(isLight(chosen));
        if (warm.length > 0 && warm.every((runner) => usable.includes(runner) && isLight(runner))) {
          assert.ok(warm.includes(chosen));
        }
      },
    ),
  );
});

test("of two warm runners the less loaded is taken, in proportion to their slots", () => {
  const runner = (id: string, slots: number, outstanding: number) => ({ ...fresh(id), slots, outstanding });
  const both = [runner("small", 2, 1), runner("large", 16, 2)];
  for (const value of [0, 0.3, 0.6, 0.99]) {
    assert.equal(chooseRunner({ warm: both, all: both, loadMax: 1, random: () => value }, PLACED)?.id, "large");
  }
});

test("a version that is warm nowhere goes to the same runner from every gateway, and versions spread over all", () => {
  const all = Array.from({ length: 10 }, (_, at) => fresh(`runner-${at}`));
  const chosenFor = (functionKey: string, list = all) =>
    chooseRunner({ warm: [], all: list, loadMax: 1, random: () => 0 }, { ...PLACED, functionKey })!.id;
  const counts = new Map<string, number>();
  for (let n = 0; n < 1_000; n++) {
    const chosen = chosenFor(`f-${n}@1`);
    assert.equal(chosenFor(`f-${n}@1`, [...all].reverse()), chosen);
    // Another runner's end moves nobody else's versions.
    if (chosen !== "runner-3") assert.equal(chosenFor(`f-${n}@1`, all.toSpliced(3, 1)), chosen);
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  assert.equal(counts.size, 10);
  for (const [id, count] of counts) assert.ok(count > 60 && count < 145, `${id} has ${count} of 1000`);
});

test("a cold version's runner is passed over while it has more than its part of the load", () => {
  const all = Array.from({ length: 4 }, (_, at) => fresh(`runner-${at}`));
  const preferred = chooseRunner({ warm: [], all, loadMax: 1 / 8, random: () => 0 }, PLACED)!;
  preferred.outstanding = 2;
  assert.notEqual(chooseRunner({ warm: [], all, loadMax: 1 / 8, random: () => 0 }, PLACED), preferred);
  for (const runner of all) runner.outstanding = 2;
  assert.equal(chooseRunner({ warm: [], all, loadMax: 0.16, random: () => 0 }, PLACED), preferred);
});

test("a call that a function made may go to a runner that is full for callers", () => {
  const full = { ...fresh("runner-1"), outstanding: 16 };
  assert.equal(chooseRunner({ warm: [full], all: [full], loadMax: 1, random: () => 0 }, PLACED), null);
  assert.equal(chooseRunner({ warm: [full], all: [full], loadMax: 1, random: () => 0 }, { ...PLACED, depth: 1 }), full);
});

test("a beat without slots is a goodbye: the runner is lost at once, and its earlier beats do not bring it back", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({ sequence: 1, warm: ["f@1"] }), 0);
  runners.onBeat("a", beat({ sequence: 3, slots: 0, draining: true }), 0);
  runners.onBeat("a", beat({ sequence: 2 }), 1);
  assert.deepEqual([lost, runners.count, runners.warmFor("f@1")], [["a"], 0, []]);
  runners.onBeat("a", beat({ epoch: "e2" }), 2);
  assert.equal(runners.count, 1);
});

test("a late beat of the process before does not end the one that is there", () => {
  const { lost, runners } = setUp();
  runners.onBeat("a", beat({ sequence: 7 }), 0);
  runners.onBeat("a", beat({ epoch: "e2" }), 1);
  runners.onBeat("a", beat({ sequence: 8 }), 2);
  runners.onBeat("a", beat({ epoch: "e0" }), 3);
  assert.deepEqual([lost, runners.get("a")?.epoch], [["a"], "e2"]);
});

test("who is knocked at is full of others' calls, holds fewer of ours, and was not asked since its last beat", () => {
  const full = { ...fresh("a"), takenByOthers: 16 };
  const others = [
    { ...fresh("b"), takenByOthers: 15 },
    { ...fresh("c"), takenByOthers: 8, outstanding: 8 },
    { ...fresh("d"), takenByOthers: 16, draining: true },
    { ...fresh("e"), takenByOthers: 16, knockedAtSequence: 0 },
  ];
  assert.equal(slotToKnockAt([...others, full], PLACED, Math.random), full);
  assert.equal(slotToKnockAt(others, PLACED, Math.random), null);
});

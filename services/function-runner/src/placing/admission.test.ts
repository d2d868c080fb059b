import assert from "node:assert/strict";
import { test } from "node:test";
import { slotsAtDepth } from "@millrace/frames";
import fc from "fast-check";
import { PLACING_LIMITS } from "../limits.ts";
import { Admission } from "./admission.ts";
import type { CallLimit } from "./call-limits.ts";

const { wantMs, standstillMs, gatewayForgottenMs } = PLACING_LIMITS;

function setUp(slots: number) {
  let echoes = 0;
  let changes = 0;
  let number = 0;
  const admission = new Admission(slots, { askForEcho: () => echoes++, changed: () => changes++ });
  return {
    admission,
    counts: () => ({ echoes, changes }),
    ask: (
      nowMs: number,
      project = "p",
      { gateway = "g", depth = 0, knocks = true, limit = undefined as CallLimit | undefined } = {},
    ) => admission.ask({ gateway, project, depth, knocks, limit, number: number++ }, nowMs),
  };
}

test("one project alone has every slot, and not one more", () => {
  const { ask } = setUp(8);
  const verdicts = Array.from({ length: 9 }, () => ask(0));
  assert.deepEqual(verdicts, [...Array<string>(8).fill("accepted"), "busy"]);
});

test("a project that was turned away gets the next slots, until it has its share", () => {
  const { admission, ask } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(1, "small"), "busy");
  for (const nowMs of [2, 3]) {
    admission.release("g", "large", nowMs);
    assert.equal(ask(nowMs, "large", { knocks: false }), "busy");
    assert.equal(ask(nowMs, "small"), "accepted");
  }
  admission.release("g", "large", 4);
  assert.equal(ask(4, "large"), "accepted", "who has its share keeps nobody from the rest");
});

test("nothing is kept for a call that may find a slot elsewhere", () => {
  const { admission, ask } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(0, "small", { knocks: false }), "busy");
  admission.release("g", "large", 1);
  assert.equal(ask(1, "large"), "accepted");
});

test("calls that nobody waits for give their slots back, a quarter of the slots for each project, and it alone gets none meanwhile", () => {
  const { admission, ask, counts } = setUp(8);
  for (let n = 0; n < 8; n++) ask(0, "deaf");
  assert.deepEqual(
    [1, 2, 3].map((nowMs) => admission.abandon("g", "deaf", nowMs)),
    [true, true, false],
  );
  assert.deepEqual([admission.slotsBusy, admission.calls], [6, 8]);
  // To gateways a busy runner is full, for whomever they ask next.
  assert.equal(ask(4, "deaf"), "platform");
  assert.equal(ask(4, "other"), "accepted");
  const { changes } = counts();
  admission.forget("deaf");
  assert.equal(counts().changes, changes + 1, "a beat tells gateways to ask again");
  assert.equal(ask(5, "deaf"), "accepted");
  admission.forget("deaf");
  for (let n = 0; n < 7; n++) admission.release("g", "deaf", 6);
  admission.release("g", "other", 6);
  admission.tick(6 + gatewayForgottenMs + wantMs);
  assert.deepEqual([admission.slotsBusy, admission.remembered <= 1], [0, true]);
});

test("calls that nobody waits for, of however many projects, run beside half of the slots at most", () => {
  const { admission, ask } = setUp(8);
  const projects = ["a", "b", "c"];
  for (const project of projects) for (let n = 0; n < 2; n++) ask(0, project);
  const given = projects.flatMap((project) => [1, 2].map((nowMs) => admission.abandon("g", project, nowMs)));
  assert.deepEqual(given, [true, true, true, true, false, false]);
  assert.deepEqual([admission.slotsBusy, admission.calls], [2, 6]);
  admission.forget("a");
  assert.equal(admission.abandon("g", "c", 3), true);
});

test("a slot is kept no longer than it is wanted", () => {
  const { admission, ask } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(0, "small"), "busy");
  admission.release("g", "large", 1);
  assert.equal(ask(wantMs - 1, "large"), "busy");
  // It wants one itself since then, but has its share.
  assert.equal(ask(wantMs, "large"), "accepted");
});

test("a gateway that has just come is not starved by one that holds every slot", () => {
  const { admission, ask } = setUp(8);
  for (let n = 0; n < 8; n++) ask(0, "p", { gateway: "old" });
  assert.equal(ask(1, "p", { gateway: "new" }), "busy");
  admission.release("old", "p", 2);
  assert.equal(ask(2, "p", { gateway: "old" }), "busy");
  assert.equal(ask(2, "p", { gateway: "new" }), "accepted");
});

test("calls that functions make have slots beyond those of callers, some for each depth", () => {
  const { ask } = setUp(16);
  for (let n = 0; n < 16; n++) assert.equal(ask(0), "accepted");
  assert.deepEqual(
    [ask(0), ask(0, "p", { depth: 1 }), ask(0, "p", { depth: 1 }), ask(0, "p", { depth: 2 })],
    ["busy", "accepted", "busy", "accepted"],
  );
});

test("a process that stood still takes nothing until the bus has echoed", () => {
  const { admission, ask, counts } = setUp(2);
  assert.equal(ask(0), "accepted");
  assert.equal(ask(standstillMs + 1), "platform");
  assert.equal(counts().echoes, 1);
  assert.equal(ask(standstillMs + 2), "platform");
  admission.caughtUp();
  assert.equal(ask(standstillMs + 3), "accepted");
});

test("a process that stood still twice takes nothing until the bus has echoed twice", () => {
  const { admission, ask, counts } = setUp(2);
  for (const nowMs of [0, standstillMs + 1, 2 * standstillMs + 2]) ask(nowMs);
  admission.caughtUp();
  assert.deepEqual([counts().echoes, admission.isOpen, ask(2 * standstillMs + 3)], [2, false, "platform"]);
  admission.caughtUp();
  assert.equal(ask(2 * standstillMs + 4), "accepted");
});

test("a new process takes nothing until everybody can know that it is new", () => {
  const { admission, ask, counts } = setUp(2);
  admission.start();
  assert.deepEqual([counts().echoes, admission.isOpen, ask(0)], [1, false, "platform"]);
  admission.caughtUp();
  assert.deepEqual([admission.isOpen, ask(1)], [true, "accepted"]);
});

test("a draining runner takes nothing, and stays so after an echo", () => {
  const { admission, ask } = setUp(2);
  admission.drain();
  admission.caughtUp();
  assert.equal(ask(0), "draining");
});

test("what the bus says twice is taken once, whether the first was taken or not", () => {
  const { admission } = setUp(1);
  const claim = { gateway: "g", project: "p", depth: 0, knocks: false };
  assert.equal(admission.ask({ ...claim, number: 1 }, 0), "accepted");
  assert.equal(admission.ask({ ...claim, number: 1 }, 0), "repeated");
  assert.equal(admission.ask({ ...claim, number: 2 }, 0), "busy");
  admission.release("g", "p", 1);
  assert.equal(admission.ask({ ...claim, number: 2 }, 1), "repeated");
});

type Step =
  | { kind: "ask"; gateway: number; project: number; depth: number; knocks: boolean }
  | { kind: "release"; at: number }
  | { kind: "wait"; ms: number };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("ask" as const),
    gateway: fc.nat(2),
    project: fc.nat(3),
    knocks: fc.boolean(),
    depth: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  }),
  fc.record({ kind: fc.constant("release" as const), at: fc.nat(99) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 200 }) }),
);

test("whatever comes: slots are exact, none idles unless somebody with less wants it, and nothing is left behind", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(arbitraryStep, { maxLength: 200 }), (slots, steps) => {
      const { admission, ask } = setUp(slots);
      const running: { gateway: string; project: string }[] = [];
      const turnedAway = new Map<string, number>();
      let nowMs = 0;
      const wants = (name: string) => nowMs - (turnedAway.get(name) ?? -Infinity) < wantMs;
      const holds = (key: "gateway" | "project", name: string) => running.filter((one) => one[key] === name).length;
      for (const step of steps) {
        if (step.kind === "wait") nowMs += step.ms;
        else if (step.kind === "release") {
          const [over] = running.splice(step.at % Math.max(1, running.length), 1);
          if (over) admission.release(over.gateway, over.project, nowMs);
        } else {
          const { depth, knocks } = step;
          const [gateway, project] = [`g${step.gateway}`, `p${step.project}`];
          const verdict = ask(nowMs, project, { gateway, depth, knocks });
          const free = slotsAtDepth(slots, depth) - running.length;
          if (verdict === "accepted") {
            assert.ok(free > 0);
            running.push({ gateway, project });
          } else {
            assert.equal(verdict, "busy");
            const others = [...turnedAway.keys()].filter((name) => name !== gateway && name !== project && wants(name));
            if (free > 0) {
              assert.ok(depth === 0 && others.length > 0, "a free slot is refused for somebody's sake only");
              assert.ok(free <= Math.max(1, slots / 8), "no more than the last ones");
              assert.ok(holds("gateway", gateway) > 0 || holds("project", project) > 0);
            }
            if (knocks) for (const name of [gateway, project]) turnedAway.set(name, nowMs);
          }
        }
        assert.equal(admission.slotsBusy, running.length);
        admission.tick(nowMs);
      }
      for (const { gateway, project } of running) admission.release(gateway, project, nowMs);
      admission.tick(nowMs + gatewayForgottenMs + 1);
      assert.equal(admission.remembered, 0);
      assert.equal(admission.slotsBusy, 0);
    }),
  );
});

test("a function at its limit takes no slot of others, and one that became known late is held to it too", () => {
  const { admission, ask } = setUp(4);
  const limit = { functionUid: "fn", callsMax: 2 };
  assert.deepEqual([ask(0, "p", { limit }), ask(0), admission.holdTo(limit)], ["accepted", "accepted", true]);
  assert.deepEqual([ask(0, "p", { limit }), admission.holdTo(limit)], ["atLimit", false]);
  assert.equal(admission.slotsBusy, 2);
  assert.equal(ask(0, "p", { limit: { functionUid: "other", callsMax: 1 } }), "accepted");
  admission.release("g", "p", 1, limit);
  assert.equal(ask(1, "p", { limit }), "accepted");
});

test("a call that nobody waits for counts for its function's limit until it is over", () => {
  const { admission, ask } = setUp(8);
  const limit = { functionUid: "fn", callsMax: 1 };
  assert.equal(ask(0, "p", { limit }), "accepted");
  assert.equal(admission.abandon("g", "p", 1), true);
  assert.deepEqual([ask(1, "p2", { limit }), admission.slotsBusy], ["atLimit", 0]);
  admission.forget("p", limit);
  assert.equal(ask(2, "p2", { limit }), "accepted");
});

test("whatever comes: of a function never more calls run than its limit allows, and no fewer when there are slots", () => {
  const arbitraryEvent = fc.oneof(
    fc.record({ kind: fc.constant("ask" as const), fn: fc.nat(2), late: fc.boolean() }),
    fc.record({ kind: fc.constant("release" as const), at: fc.nat(99) }),
  );
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      fc.array(arbitraryEvent, { maxLength: 200 }),
      ([first, second], events) => {
        const { admission, ask } = setUp(8);
        // The last function has no limit.
        const limits = [first, second].map((callsMax, at) => ({ functionUid: `fn-${at}`, callsMax }));
        const running: (CallLimit | undefined)[] = [];
        for (const event of events) {
          if (event.kind === "release") {
            if (running.length === 0) continue;
            const [limit] = running.splice(event.at % running.length, 1);
            admission.release("g", "p", 0, limit);
            continue;
          }
          const limit = limits[event.fn];
          const isAtLimit = limit !== undefined && running.filter((one) => one === limit).length >= limit.callsMax;
          const isFull = running.length === 8;
          const verdict = ask(0, "p", { limit: event.late ? undefined : limit, knocks: false });
          if (event.late && limit) {
            assert.equal(verdict, isFull ? "busy" : "accepted");
            if (isFull) continue;
            assert.equal(admission.holdTo(limit), !isAtLimit);
            if (isAtLimit) admission.release("g", "p", 0);
            else running.push(limit);
          } else {
            assert.equal(verdict, isAtLimit ? "atLimit" : isFull ? "busy" : "accepted");
            if (verdict === "accepted") running.push(limit);
          }
          assert.equal(admission.slotsBusy, running.length);
        }
        for (const limit of running) admission.release("g", "p", 0, limit);
        admission.tick(gatewayForgottenMs + 1);
        assert.equal(admission.remembered, 0);
      },
    ),
  );
});

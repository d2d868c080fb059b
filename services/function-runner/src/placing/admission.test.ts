import assert from "node:assert/strict";
import { test } from "node:test";
import { slotsAtDepth } from "@millrace/frames";
import fc from "fast-check";
import { PLACING_LIMITS } from "../limits.ts";
import { Admission, type Held } from "./admission.ts";
import type { CallLimit } from "./call-limits.ts";

const { wantMs, standstillMs, gatewayForgottenMs } = PLACING_LIMITS;

function setUp(slots: number) {
  let echoes = 0;
  let changes = 0;
  let number = 0;
  const admission = new Admission(slots, { askForEcho: () => echoes++, changed: () => changes++ });
  const slotted: { gateway: string; project: string; held: Held }[] = [];
  const abandoned: typeof slotted = [];
  const takeOut = (from: typeof slotted, project: string, gateway = "g") => {
    const at = from.findIndex((one) => one.project === project && one.gateway === gateway);
    return from.splice(at, 1)[0]!;
  };
  return {
    admission,
    counts: () => ({ echoes, changes }),
    ask: (nowMs: number, project = "p", { gateway = "g", depth = 0, knocks = true } = {}) => {
      const verdict = admission.ask({ gateway, project, depth, knocks, limits: [], number: number++ }, nowMs);
      if (typeof verdict === "string") return verdict;
      slotted.push({ gateway, project, held: verdict });
      return "accepted";
    },
    /** A call that has its slot is over. */
    release: (gateway: string, project: string, nowMs: number) =>
      takeOut(slotted, project, gateway).held.release(nowMs),
    /** Answers whether the call gave its slot back. */
    abandon: (project: string, nowMs: number) => {
      const one = takeOut(slotted, project);
      const before = admission.slotsBusy;
      one.held.abandon(nowMs);
      const gaveBack = admission.slotsBusy < before;
      (gaveBack ? abandoned : slotted).push(one);
      return gaveBack;
    },
    /** A call that gave its slot back is over. */
    endAbandoned: (project: string, nowMs: number) => takeOut(abandoned, project).held.release(nowMs),
  };
}

test("one project alone has every slot, and not one more", () => {
  const { ask } = setUp(8);
  const verdicts = Array.from({ length: 9 }, () => ask(0));
  assert.deepEqual(verdicts, [...Array<string>(8).fill("accepted"), "busy"]);
});

test("a project that was turned away gets the next slots, until it has its share", () => {
  const { ask, release } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(1, "small"), "busy");
  for (const nowMs of [2, 3]) {
    release("g", "large", nowMs);
    assert.equal(ask(nowMs, "large", { knocks: false }), "busy");
    assert.equal(ask(nowMs, "small"), "accepted");
  }
  release("g", "large", 4);
  assert.equal(ask(4, "large"), "accepted", "who has its share keeps nobody from the rest");
});

test("nothing is kept for a call that may find a slot elsewhere", () => {
  const { ask, release } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(0, "small", { knocks: false }), "busy");
  release("g", "large", 1);
  assert.equal(ask(1, "large"), "accepted");
});

test("calls that nobody waits for give their slots back, a quarter of the slots for each project, and it alone gets none meanwhile", () => {
  const { admission, ask, counts, release, abandon, endAbandoned } = setUp(8);
  for (let n = 0; n < 8; n++) ask(0, "deaf");
  assert.deepEqual(
    [1, 2].map((nowMs) => abandon("deaf", nowMs)),
    [true, true],
  );
  assert.deepEqual([admission.slotsBusy, admission.calls], [6, 8]);
  // To gateways a busy runner is full, for whomever they ask next.
  assert.equal(ask(4, "deaf"), "platform");
  assert.equal(ask(4, "other"), "accepted");
  const { changes } = counts();
  endAbandoned("deaf", 4);
  assert.equal(counts().changes, changes + 1, "a beat tells gateways to ask again");
  assert.equal(ask(5, "deaf"), "accepted");
  endAbandoned("deaf", 5);
  for (let n = 0; n < 7; n++) release("g", "deaf", 6);
  release("g", "other", 6);
  admission.tick(6 + gatewayForgottenMs + wantMs);
  assert.deepEqual([admission.slotsBusy, admission.remembered <= 1], [0, true]);
});

test("a call that nobody waits for, and that finds no room beside the slots, gives its slot back as soon as there is", () => {
  const { admission, ask, release, abandon, endAbandoned } = setUp(8);
  for (let n = 0; n < 8; n++) ask(0, "deaf");
  assert.deepEqual(
    [1, 2, 3, 4].map((nowMs) => abandon("deaf", nowMs)),
    [true, true, false, false],
  );
  assert.equal(admission.slotsBusy, 6);
  endAbandoned("deaf", 5);
  assert.deepEqual([admission.slotsBusy, admission.calls], [5, 7]);
  assert.equal(ask(6, "deaf"), "platform", "the room is taken again");
  assert.equal(ask(6, "other"), "accepted");
  // Those that are over by themselves give nothing back twice.
  for (let n = 0; n < 6; n++) release("g", "deaf", 7);
  endAbandoned("deaf", 8);
  release("g", "other", 9);
  assert.deepEqual([admission.slotsBusy, admission.calls], [0, 0]);
});

test("calls that nobody waits for, of however many projects, run beside half of the slots at most", () => {
  const { admission, ask, abandon, endAbandoned } = setUp(8);
  const projects = ["a", "b", "c"];
  for (const project of projects) for (let n = 0; n < 2; n++) ask(0, project);
  const given = projects.flatMap((project) => [1, 2].map((nowMs) => abandon(project, nowMs)));
  assert.deepEqual(given, [true, true, true, true, false, false]);
  assert.deepEqual([admission.slotsBusy, admission.calls], [2, 6]);
  endAbandoned("a", 3);
  assert.deepEqual([admission.slotsBusy, admission.calls], [1, 5]);
});

test("a slot is kept no longer than it is wanted", () => {
  const { ask, release } = setUp(4);
  for (let n = 0; n < 4; n++) ask(0, "large");
  assert.equal(ask(0, "small"), "busy");
  release("g", "large", 1);
  assert.equal(ask(wantMs - 1, "large"), "busy");
  // It wants one itself since then, but has its share.
  assert.equal(ask(wantMs, "large"), "accepted");
});

test("a gateway that has just come is not starved by one that holds every slot", () => {
  const { ask, release } = setUp(8);
  for (let n = 0; n < 8; n++) ask(0, "p", { gateway: "old" });
  assert.equal(ask(1, "p", { gateway: "new" }), "busy");
  release("old", "p", 2);
  assert.equal(ask(2, "p", { gateway: "old" }), "busy");
  assert.equal(ask(2, "p", { gateway: "new" }), "accepted");
});

test("calls that functions make have slots beyond those of callers, some for each depth", () => {
  const { ask } = setUp(16);
  for (let n = 0; n < 16; n++) assert.equal(ask(0), "accepted");
  assert.deepEqual(
    [ask(0), ask(0, "p", { depth: 1 }), ask(0, "p", { depth: 1 }), ask(0, "p", { depth: 2 })],
    ["busy", "accepted", "platform", "accepted"],
  );
});

test("whoever says that its calls are deep takes no slot that is kept for others, and makes nobody believe that all are taken", () => {
  const { admission, ask } = setUp(16);
  const deep = Array.from({ length: 64 }, () => ask(0, "liar", { depth: 8 }));
  assert.equal(deep.filter((verdict) => verdict === "accepted").length, slotsAtDepth(16, 8));
  assert.ok(!deep.includes("busy"));
  assert.equal(admission.slotsBusy, 16);
  assert.equal(ask(0, "other"), "busy", "and from then on it has its share");
  assert.equal(ask(0, "liar", { depth: 8 }), "platform");
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
  const held = admission.ask({ ...claim, limits: [], number: 1 }, 0);
  assert.ok(typeof held === "object");
  assert.equal(admission.ask({ ...claim, limits: [], number: 1 }, 0), "repeated");
  assert.equal(admission.ask({ ...claim, limits: [], number: 2 }, 0), "busy");
  held.release(1);
  assert.equal(admission.ask({ ...claim, limits: [], number: 2 }, 1), "repeated");
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
      const { admission, ask, release } = setUp(slots);
      const running: { gateway: string; project: string }[] = [];
      const turnedAway = new Map<string, number>();
      let nowMs = 0;
      const wants = (name: string) => nowMs - (turnedAway.get(name) ?? -Infinity) < wantMs;
      const holds = (key: "gateway" | "project", name: string) => running.filter((one) => one[key] === name).length;
      for (const step of steps) {
        if (step.kind === "wait") nowMs += step.ms;
        else if (step.kind === "release") {
          const [over] = running.splice(step.at % Math.max(1, running.length), 1);
          if (over) release(over.gateway, over.project, nowMs);
        } else {
          const { depth, knocks } = step;
          const [gateway, project] = [`g${step.gateway}`, `p${step.project}`];
          const free = slots - admission.slotsBusy;
          const freeForDepth = slotsAtDepth(slots, depth) - slots - (running.length - admission.slotsBusy);
          const verdict = ask(nowMs, project, { gateway, depth, knocks });
          if (verdict === "accepted") {
            assert.ok(free > 0 || freeForDepth > 0);
            running.push({ gateway, project });
          } else {
            assert.equal(verdict, depth > 0 ? "platform" : "busy");
            assert.ok(freeForDepth <= 0);
            const others = [...turnedAway.keys()].filter((name) => name !== gateway && name !== project && wants(name));
            if (free > 0) {
              assert.ok(others.length > 0, "a free slot is refused for somebody's sake only");
              assert.ok(free <= Math.max(1, slots / 8), "no more than the last ones");
              assert.ok(holds("gateway", gateway) > 0 || holds("project", project) > 0);
            }
            if (knocks && depth === 0) for (const name of [gateway, project]) turnedAway.set(name, nowMs);
          }
        }
        assert.equal(admission.calls, running.length);
        assert.ok(admission.slotsBusy <= slots);
        admission.tick(nowMs);
      }
      for (const { gateway, project } of running) release(gateway, project, nowMs);
      admission.tick(nowMs + gatewayForgottenMs + 1);
      assert.equal(admission.remembered, 0);
      assert.equal(admission.calls, 0);
    }),
  );
});

const limited = (admission: Admission) => {
  let number = 0;
  return (limit?: CallLimit, project = "p") =>
    admission.ask(
      { gateway: "g", project, depth: 0, knocks: false, limits: limit ? [limit] : [], number: number++ },
      0,
    );
};

function accepted(verdict: ReturnType<Admission["ask"]>): Held {
  assert.ok(typeof verdict === "object", String(verdict));
  return verdict;
}

test("a function at its limit takes no slot of others, and one that became known late is held to it too", () => {
  const { admission } = setUp(4);
  const ask = limited(admission);
  const limit = { of: "fn", callsMax: 2 };
  const [first, second] = [accepted(ask(limit)), accepted(ask())];
  assert.equal(second.holdTo([limit]), true);
  assert.equal(ask(limit), "atLimit");
  const third = accepted(ask());
  assert.equal(third.holdTo([limit]), false);
  third.release(0);
  assert.equal(admission.slotsBusy, 2);
  accepted(ask({ of: "other", callsMax: 1 }));
  first.release(0);
  accepted(ask(limit));
  assert.equal(ask(limit), "atLimit");
});

test("a call counts at both of its limits or at none, and the limit of a project holds all its functions", () => {
  const { admission } = setUp(8);
  let number = 0;
  const ask = (fn: string, callsMax: number) => {
    const limits = [
      { of: "project p", callsMax: 2 },
      { of: fn, callsMax },
    ];
    return admission.ask({ gateway: "g", project: "p", depth: 0, knocks: false, limits, number: number++ }, 0);
  };
  const first = accepted(ask("a", 1));
  assert.equal(ask("a", 1), "atLimit");
  accepted(ask("b", 8));
  assert.equal(ask("c", 8), "atLimit");
  first.release(0);
  accepted(ask("a", 1));
});

test("a call that finds no slot counts at no limit", () => {
  const { admission } = setUp(1);
  const ask = limited(admission);
  const held = accepted(ask());
  const limit = { of: "fn", callsMax: 1 };
  assert.equal(ask(limit), "busy");
  held.release(0);
  accepted(ask(limit));
});

test("a call that nobody waits for counts for its function's limit until it is over", () => {
  const { admission } = setUp(8);
  const ask = limited(admission);
  const limit = { of: "fn", callsMax: 1 };
  const held = accepted(ask(limit));
  held.abandon(0);
  assert.deepEqual([ask(limit, "p2"), admission.slotsBusy], ["atLimit", 0]);
  held.release(0);
  accepted(ask(limit, "p2"));
});

test("whatever comes: of a function never more calls run than its limit allows, and no fewer when there are slots", () => {
  const arbitraryEvent = fc.oneof(
    fc.record({ kind: fc.constant("ask" as const), fn: fc.nat(2), late: fc.boolean() }),
    fc.record({ kind: fc.constant("release" as const), at: fc.nat(99) }),
  );
  const callsMax = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(fc.tuple(callsMax, callsMax), fc.array(arbitraryEvent, { maxLength: 200 }), (bounds, events) => {
      const { admission } = setUp(8);
      const ask = limited(admission);
      // A third function has no limit.
      const limits = bounds.map((callsMax, at) => ({ of: `fn-${at}`, callsMax }));
      const running: { limit: CallLimit | undefined; held: Held }[] = [];
      for (const event of events) {
        if (event.kind === "release") {
          const [over] = running.splice(event.at % Math.max(1, running.length), 1);
          over?.held.release(0);
          continue;
        }
        const limit = limits[event.fn];
        const isAtLimit = limit !== undefined && running.filter((one) => one.limit === limit).length >= limit.callsMax;
        const isFull = running.length === 8;
        const verdict = ask(event.late ? undefined : limit);
        if (isAtLimit && !event.late) assert.equal(verdict, "atLimit");
        else if (isFull) assert.equal(verdict, "busy");
        else {
          const held = accepted(verdict);
          if (event.late && limit) assert.equal(held.holdTo([limit]), !isAtLimit);
          if (isAtLimit) held.release(0);
          else running.push({ limit, held });
        }
        assert.equal(admission.slotsBusy, running.length);
      }
      for (const { held } of running) held.release(0);
      admission.tick(gatewayForgottenMs + 1);
      assert.equal(admission.remembered, 0);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { quantile, servedBetween, startTraffic, tookMs } from "./traffic.ts";
import { HEALTHY, World } from "./world/world.ts";

// Who gets the slots when there are too few. 20 slots and functions of 20 ms make a thousand calls a second.

const RUN_MS = 20;
const SLOTS = 20;
const CAPACITY = (SLOTS * 1_000) / RUN_MS;
const END_MS = 7_000;

const setUp = (gateways: number): World => new World({ seed: 1, gateways, runners: 1, slots: SLOTS, faults: HEALTHY });

test("at four times the capacity nine tenths of it are served, and who is rejected is told at once", (t) => {
  const world = setUp(1);
  const asked = startTraffic(world, {
    project: "p",
    gateway: 0,
    requestsPerSecond: 4 * CAPACITY,
    runMs: RUN_MS,
    fromMs: 2_000,
    untilMs: END_MS,
  });
  world.timeline.runUntil(END_MS + 10_000);
  const served = servedBetween(asked, 3_000, END_MS);
  const perSecond = served.answered / 4;
  const waitedMs = served.requests.filter(({ outcome }) => outcome === "200").map(tookMs);
  t.diagnostic(
    `${perSecond} of ${CAPACITY} a second, rejected in ${served.rejectedMsP50} ms, served in ${quantile(waitedMs, 0.99)} ms at p99`,
  );
  assert.ok(perSecond >= 0.9 * CAPACITY, `${perSecond}`);
  assert.ok(served.rejectedMsP50 < 1, `${served.rejectedMsP50}`);
  assert.ok(quantile(waitedMs, 0.99) < 1_000);
});

test("a project that asks for half of the slots gets them beside one that floods the same gateway", (t) => {
  const world = setUp(1);
  const span = { gateway: 0, runMs: RUN_MS, fromMs: 2_000, untilMs: END_MS };
  startTraffic(world, { ...span, project: "flood", requestsPerSecond: 4 * CAPACITY });
  const modest = startTraffic(world, { ...span, project: "modest", requestsPerSecond: 0.4 * CAPACITY });
  world.timeline.runUntil(END_MS + 10_000);
  const served = servedBetween(modest, 3_000, END_MS);
  t.diagnostic(`${served.answered} of ${served.requests.length}`);
  assert.ok(served.answered >= 0.98 * served.requests.length);
});

for (const [title, project] of [
  ["a gateway that has just come gets its share beside one that holds every slot", "flood"],
  ["a project at another gateway gets its share beside one that holds every slot", "modest"],
] as const) {
  test(title, (t) => {
    const world = setUp(2);
    const span = { runMs: RUN_MS, untilMs: END_MS };
    const flood = startTraffic(world, {
      ...span,
      project: "flood",
      gateway: 0,
      fromMs: 2_000,
      requestsPerSecond: 4 * CAPACITY,
    });
    const late = startTraffic(world, {
      ...span,
      project,
      gateway: 1,
      fromMs: 3_000,
      requestsPerSecond: 0.3 * CAPACITY,
    });
    world.timeline.runUntil(END_MS + 10_000);
    const served = servedBetween(late, 4_000, END_MS);
    const flooded = servedBetween(flood, 4_000, END_MS);
    const total = (served.answered + flooded.answered) / 3;
    t.diagnostic(`${served.answered} of ${served.requests.length}, ${total} of ${CAPACITY} a second in all`);
    assert.ok(served.answered >= 0.9 * served.requests.length);
    assert.ok(total >= 0.85 * CAPACITY, "and the slots are not left idle for it");
  });
}

test("one project alone has every slot of every runner", (t) => {
  const world = setUp(2);
  const span = { project: "p", runMs: RUN_MS, fromMs: 2_000, untilMs: END_MS, requestsPerSecond: 2 * CAPACITY };
  const asked = [0, 1].flatMap((gateway) => [startTraffic(world, { ...span, gateway })]);
  world.timeline.runUntil(END_MS + 10_000);
  const perSecond = asked.reduce((sum, requests) => sum + servedBetween(requests, 3_000, END_MS).answered / 4, 0);
  t.diagnostic(`${perSecond} of ${CAPACITY} a second`);
  assert.ok(perSecond >= 0.9 * CAPACITY);
});

test("calls that functions make are served while callers hold every slot for longer than anybody waits", () => {
  const world = setUp(1);
  const span = { project: "p", gateway: 0, untilMs: END_MS };
  const callers = startTraffic(world, { ...span, fromMs: 2_000, requestsPerSecond: 200, runMs: 3_000 });
  const nested = startTraffic(world, { ...span, fromMs: 3_000, requestsPerSecond: 20, runMs: RUN_MS, depth: 1 });
  world.timeline.runUntil(END_MS + 10_000);
  const [outer, inner] = [servedBetween(callers, 3_000, END_MS), servedBetween(nested, 3_000, END_MS)];
  assert.ok(outer.answered < outer.requests.length / 4, "the slots are taken");
  assert.equal(inner.answered, inner.requests.length);
});

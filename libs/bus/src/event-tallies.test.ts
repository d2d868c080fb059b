import assert from "node:assert/strict";
import { test } from "node:test";
import { EventTallies, type TallyRecord } from "./event-tallies.ts";
import { BUS_LIMITS } from "./limits.ts";

const { tallyIntervalMs, tallySilenceMs, talliesMax, seriesSilenceMs } = BUS_LIMITS;

function due(tallies: EventTallies, nowMs: number, sent = true): TallyRecord[] {
  const told: TallyRecord[] = [];
  tallies.tellDue(nowMs, (tally) => told.push(tally) > 0 && sent);
  return told;
}

test("each project has numbers of its own, which only grow", () => {
  const tallies = new EventTallies(() => 7);
  assert.deepEqual(tallies.tell("shop", 3, 0), { project: "shop", series: 7, told: 3, dropped: 0 });
  tallies.drop("shop", 2);
  assert.deepEqual(tallies.tell("other", 1, 0), { project: "other", series: 8, told: 1, dropped: 0 });
  assert.deepEqual(tallies.tell("shop", 1, 0), { project: "shop", series: 7, told: 4, dropped: 2 });
  assert.equal(tallies.dropped, 2);
});

test("what could not be sent was dropped", () => {
  const tallies = new EventTallies(() => 7);
  tallies.tell("shop", 3, 0);
  tallies.untell("shop", 3);
  assert.deepEqual(due(tallies, tallySilenceMs), [{ project: "shop", series: 7, told: 0, dropped: 3 }]);
});

test("what was dropped is told without an event, and again until there is a bus", () => {
  const tallies = new EventTallies(() => 7);
  tallies.tell("shop", 1, 0);
  tallies.drop("shop", 1);
  assert.deepEqual(due(tallies, tallyIntervalMs - 1), []);
  const told = [{ project: "shop", series: 7, told: 1, dropped: 1 }];
  assert.deepEqual(due(tallies, tallyIntervalMs, false), told);
  assert.deepEqual(due(tallies, tallyIntervalMs + 1), told);
  assert.deepEqual(due(tallies, tallyIntervalMs + 2), []);
});

test("a project that has become silent is told of once more, and then no more", () => {
  const tallies = new EventTallies(() => 7);
  tallies.tell("shop", 1, 0);
  assert.deepEqual(due(tallies, tallySilenceMs - 1), []);
  assert.equal(due(tallies, tallySilenceMs).length, 1);
  assert.deepEqual([due(tallies, 9 * tallySilenceMs), tallies.isOpen], [[], false]);
});

test("projects beyond the bound begin anew, those first of which all is told", () => {
  const tallies = new EventTallies(() => 7);
  for (let n = 0; n < talliesMax; n++) tallies.tell(`p${n}`, 1, n === 5 ? -tallySilenceMs : 0);
  due(tallies, 0);
  tallies.tell("more", 1, 0);
  assert.equal(tallies.tell("p4", 1, 0).told, 2);
  assert.equal(tallies.tell("p5", 1, 0).told, 1);
});

test("a project that was silent for half a day begins a new series", () => {
  let wallMs = 7;
  const tallies = new EventTallies(() => wallMs);
  tallies.tell("shop", 1, 0);
  due(tallies, tallySilenceMs);
  wallMs += seriesSilenceMs - 1;
  assert.equal(tallies.tell("shop", 1, tallySilenceMs).told, 2);
  due(tallies, 2 * tallySilenceMs);
  wallMs += seriesSilenceMs;
  assert.deepEqual(tallies.tell("shop", 1, 0), { project: "shop", series: wallMs, told: 1, dropped: 0 });
});

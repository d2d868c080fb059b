import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BACKEND_LIMITS } from "../limits.ts";
import { Origins } from "./origins.ts";

const { originsMax, originsPerProjectMax, callsPerOriginMax, callsPerProjectMax } = BACKEND_LIMITS;

function start(t: TestContext) {
  const clock = { nowMs: 0 };
  const origins = new Origins(
    () => () => assert.fail("nobody connects"),
    () => clock.nowMs,
  );
  t.after(() => origins.close());
  return { origins, clock };
}

const urlOf = (i: number) => `http://backend-${i}.example`;

test("projects share no connector, and a project's ends when it has no origin any more", (t) => {
  const signals: AbortSignal[] = [];
  const connector = (signal: AbortSignal) => {
    signals.push(signal);
    return () => assert.fail("nobody connects");
  };
  const origins = new Origins(connector, () => 0);
  t.after(() => origins.close());
  origins.of("a", urlOf(1));
  origins.of("a", urlOf(2));
  origins.of("b", urlOf(1));
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false],
  );
  origins.close();
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true],
  );
});

test("projects share no origin", (t) => {
  const { origins } = start(t);
  assert.equal(origins.of("a", urlOf(1)), origins.of("a", urlOf(1)));
  assert.notEqual(origins.of("a", urlOf(1)), origins.of("b", urlOf(1)));
  assert.equal(origins.count, 2);
});

test("of a project's origins the one that was not used for the longest time gives way, unless somebody is at it", (t) => {
  const { origins, clock } = start(t);
  const made = Array.from({ length: originsPerProjectMax }, (_, i) => {
    clock.nowMs = i;
    return origins.of("a", urlOf(i))!;
  });
  made[0]!.enter();
  clock.nowMs++;
  assert.notEqual(origins.of("a", "http://one-more.example"), null);
  assert.equal(origins.count, originsPerProjectMax);
  assert.equal(origins.of("a", urlOf(0)), made[0], "somebody is at it");
  assert.notEqual(origins.of("a", urlOf(1)), made[1], "it gave way");
});

test("a project whose origins are all in use gets no other, and takes none away from others", (t) => {
  const { origins } = start(t);
  const other = origins.of("b", urlOf(1));
  for (let i = 0; i < originsPerProjectMax; i++) origins.of("a", urlOf(i))!.enter();
  assert.equal(origins.of("a", "http://one-more.example"), null);
  assert.equal(origins.of("b", urlOf(1)), other);
});

test("there are so many origins in all", (t) => {
  const { origins } = start(t);
  for (let i = 0; i <= originsMax; i++) origins.of(`project-${i}`, urlOf(i));
  assert.equal(origins.count, originsMax);
});

test("an origin, and a project, has room for so many requests, and again when one has left", (t) => {
  const { origins } = start(t);
  const perProject = callsPerProjectMax / callsPerOriginMax;
  const busy = Array.from({ length: perProject }, (_, i) => origins.of("a", urlOf(i))!);
  for (let i = 0; i < callsPerOriginMax; i++) busy[0]!.enter();
  assert.equal(busy[0]!.hasRoom, false);
  assert.equal(busy[1]!.hasRoom, true);
  for (const origin of busy.slice(1)) for (let i = 0; i < callsPerOriginMax; i++) origin.enter();
  const fresh = origins.of("a", "http://one-more.example")!;
  assert.equal(fresh.hasRoom, false);
  assert.equal(origins.of("b", urlOf(0))!.hasRoom, true);
  busy[0]!.leave(1);
  assert.equal(fresh.hasRoom, true);
  assert.equal(origins.calls, callsPerProjectMax - 1);
});

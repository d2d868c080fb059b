import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BLANK_IDLE_MS, collectWhenIdle, INSTANCE_IDLE_MS } from "./idle-memory.ts";

function setUp(t: TestContext, thread = { isBlank: true, hasCalls: false }) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let collections = 0;
  const idleness = { isBlank: () => thread.isBlank, hasCalls: () => thread.hasCalls };
  collectWhenIdle(idleness, () => () => collections++);
  return { thread, pass: (ms: number) => t.mock.timers.tick(ms), collections: () => collections };
}

test("a thread that waits gives back what its start has left, once", (t) => {
  const { pass, collections } = setUp(t);
  pass(BLANK_IDLE_MS - 1);
  assert.equal(collections(), 0);
  pass(1);
  assert.equal(collections(), 1);
  pass(INSTANCE_IDLE_MS * 3);
  assert.equal(collections(), 1);
});

test("a thread that was waited for loads at once, and gives back memory when it has no calls, once", (t) => {
  const { thread, pass, collections } = setUp(t, { isBlank: false, hasCalls: true });
  pass(INSTANCE_IDLE_MS * 2);
  assert.equal(collections(), 0);
  thread.hasCalls = false;
  pass(INSTANCE_IDLE_MS);
  assert.equal(collections(), 1);
  pass(INSTANCE_IDLE_MS * 3);
  assert.equal(collections(), 1);
});

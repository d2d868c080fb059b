import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FRAME, type Frame, FrameWriter } from "@millrace/frames";
import { INSTANCE_LIMITS, OWN_SPAN_LIMITS, SANDBOX_LIMITS } from "../limits.ts";
import type { Channel } from "../sandbox/channel.ts";
import { type LoadFault, SANDBOX_FRAME } from "../sandbox/sandbox-frames.ts";
import { Instance } from "./instance.ts";
import { Invocation } from "./invocation.ts";

const TIMEOUT_MS = 1_000;
const nothing = () => {};

/** A millisecond at a time: a mocked timer counts from the end of the tick that it was set in. */
function pass(t: TestContext, ms: number): void {
  for (let passed = 0; passed < ms; passed++) t.mock.timers.tick(1);
}

function frameOf(type: number, payload = ""): Frame {
  return { type, flags: 0, call: 0, payload: Buffer.from(payload) };
}

/** An instance without a thread behind it. */
function setUp({ isLoaded = true, wasReady = true } = {}) {
  const stops: number[] = [];
  const faults: string[] = [];
  const violations: string[] = [];
  const writer = new FrameWriter();
  const listener = {
    onLoaded: nothing,
    onLoadFailed: (_: Instance, fault: LoadFault) => faults.push(fault.message),
    onDone: nothing,
    onReturned: nothing,
    onRetired: nothing,
    onRoom: nothing,
    onOutput: nothing,
    onEnded: nothing,
  };
  const instance = new Instance(
    { concurrency: 8, timeoutMs: TIMEOUT_MS, callsMax: Infinity, ageMs: Infinity, memoryMib: 128 },
    listener,
  );
  const channel = { writer: () => writer } as unknown as Channel;
  instance.attach({
    channel,
    stop: (timeoutMs) => stops.push(timeoutMs),
    violate: (what) => violations.push(what),
    isOutdated: false,
    wasReady,
  });
  if (isLoaded) instance.onFrame(frameOf(SANDBOX_FRAME.loaded, JSON.stringify({ shape: "fetch", exports: [] })));
  const begin = () => {
    const request = { requestId: "r", traceparent: "", frame: frameOf(FRAME.invoke, "1234"), deadlineAt: Infinity };
    instance.begin(new Invocation(request, { call: 1, writer: () => writer }, { onOver: nothing }));
  };
  return { instance, stops, faults, violations, begin };
}

test("an instance that has answered for its first late call is not stopped for one that was late a moment ago", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { instance, stops, begin } = setUp();
  const { sharedGraceMs } = INSTANCE_LIMITS;
  begin();
  pass(t, sharedGraceMs - 1);
  begin();
  pass(t, TIMEOUT_MS - sharedGraceMs);
  begin();
  pass(t, 1);
  instance.onFrame(frameOf(SANDBOX_FRAME.pong));
  pass(t, sharedGraceMs);
  assert.deepEqual([instance.calls, stops], [2, []], "the first is given up, the second has its own grace");
  instance.onFrame(frameOf(SANDBOX_FRAME.pong));
  pass(t, sharedGraceMs - 1);
  assert.deepEqual([instance.calls, stops], [1, []]);
});

test("an instance whose loop does not turn is stopped when its first late call's grace is over", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { stops, begin } = setUp();
  begin();
  pass(t, TIMEOUT_MS - 1);
  begin();
  pass(t, INSTANCE_LIMITS.sharedGraceMs);
  assert.deepEqual(stops, []);
  pass(t, 1);
  assert.equal(stops.length, 1);
});

test("the initialisation has a limit of its own: what has not loaded by then is told so, and stopped", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { stops, faults } = setUp({ isLoaded: false });
  t.mock.timers.tick(INSTANCE_LIMITS.loadTimeoutMs - 1);
  assert.deepEqual([faults, stops], [[], []]);
  t.mock.timers.tick(1);
  assert.deepEqual(faults, ["The function did not load within 10000 ms."]);
  assert.deepEqual(stops, [SANDBOX_LIMITS.retireTimeoutMs]);
  assert.ok(INSTANCE_LIMITS.loadTimeoutMs > TIMEOUT_MS, "a call's own time does not count against it");
});

test("what a thread takes to start does not count against the function's initialisation", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { instance, faults } = setUp({ isLoaded: false, wasReady: false });
  t.mock.timers.tick(INSTANCE_LIMITS.threadTimeoutMs - 1);
  instance.onReady();
  t.mock.timers.tick(INSTANCE_LIMITS.loadTimeoutMs - 1);
  assert.deepEqual(faults, []);
  t.mock.timers.tick(1);
  assert.deepEqual(faults, ["The function did not load within 10000 ms."]);
  const late = setUp({ isLoaded: false, wasReady: false });
  t.mock.timers.tick(INSTANCE_LIMITS.threadTimeoutMs);
  assert.deepEqual(late.faults, ["No thread could be started for the function within 30000 ms."]);
});

test("more spans than an invocation may have, or for a call that is none, break the rules", () => {
  const { bytesMax, tellingsMax } = OWN_SPAN_LIMITS;
  const telling = (call: number, bytes: number) => ({ ...frameOf(SANDBOX_FRAME.spans, "x".repeat(bytes)), call });
  const within = setUp();
  within.begin();
  for (let at = 0; at < tellingsMax; at++) within.instance.onFrame(telling(1, bytesMax));
  assert.deepEqual(within.violations, []);
  within.instance.onFrame(telling(1, 1));
  assert.deepEqual(within.violations, ["more spans than an invocation may have"]);
  const larger = setUp();
  larger.begin();
  larger.instance.onFrame(telling(1, bytesMax + 1));
  larger.instance.onFrame(telling(2, 1));
  assert.deepEqual(larger.violations, ["more spans than an invocation may have", "a frame of no call"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  batchHeader,
  FRAME,
  FrameWriter,
  readFrames,
  writeChunk,
  writeGone,
  writeHead,
  writeRejected,
} from "@millrace/frames";
import { Beat } from "@millrace/proto/invocation/v1/invocation";
import { testInvoke } from "@millrace/testing";
import { DISPATCH_LIMITS } from "../limits.ts";
import { BodyFeed } from "./body-feed.ts";
import { Dispatch } from "./dispatch.ts";

const { standstillMs } = DISPATCH_LIMITS;
const CONTENT = testInvoke();

/** A dispatch whose frames go nowhere; `outcomes` says how calls ended. */
function setUp() {
  const writer = new FrameWriter();
  const wire = { interruptions: 0, to: () => writer };
  const outcomes: string[] = [];
  const chunks: string[] = [];
  let echoes = 0;
  const host = { wire, isConnected: () => true, random: () => 0.5, wakeAt() {}, log: { warn() {} } };
  const dispatch = new Dispatch({ ...host, askForEcho: () => echoes++ }, 0);
  let sequence = 0;
  const beat = (nowMs: number, slots: number, id = "runner-1", epoch = "1") =>
    dispatch.onBeat(id, Beat.fromPartial({ epoch: `${id} ${epoch}`, sequence: ++sequence, slots }), nowMs);
  const invoke = (nowMs: number, { body = BodyFeed.of(Buffer.alloc(0)), safe = false, onFailed = () => {} } = {}) => {
    const sink = {
      head() {},
      chunk(bytes: Buffer) {
        chunks.push(`${bytes}`);
      },
      failed(reason: string) {
        outcomes.push(reason);
        onFailed();
      },
    };
    return dispatch.invoke({ content: CONTENT, body, project: "p", timeoutMs: 5_000, safe }, sink, nowMs);
  };
  /** Frames of a runner, of a process or not. */
  const hear = (write: (writer: FrameWriter) => void, nowMs: number, id = "runner-1") => {
    const answer = new FrameWriter();
    answer.raw(batchHeader(""));
    write(answer);
    dispatch.receive(id, answer.take(), nowMs);
  };
  /** What was written to runners since it was last asked. */
  const said = () => {
    const types: number[] = [];
    readFrames(writer.take(), 0, ({ type }) => types.push(type));
    return types;
  };
  return { dispatch, wire, outcomes, chunks, beat, invoke, hear, said, echoes: () => echoes };
}

const OPEN_HEAD = { status: 200, headers: [], body: Buffer.from("first ") };

test("a gateway that stood still twice places nothing until the bus has echoed twice", () => {
  const { dispatch, beat, invoke, echoes } = setUp();
  beat(0, 4);
  dispatch.wake(standstillMs + 1);
  dispatch.wake(2 * standstillMs + 2);
  const call = invoke(2 * standstillMs + 3);
  dispatch.caughtUp(2 * standstillMs + 4);
  assert.deepEqual([echoes(), call.phase], [2, "waiting"]);
  dispatch.caughtUp(2 * standstillMs + 5);
  assert.equal(call.phase, "placed");
});

test("an unsafe call at a runner that fell silent is placed nowhere else while the bus stands still", () => {
  const { dispatch, beat, invoke, outcomes, echoes } = setUp();
  const wakeUntil = (fromMs: number, toMs: number) => {
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += 100) dispatch.wake(nowMs);
  };
  beat(0, 4);
  const call = invoke(1);
  wakeUntil(100, 4_500);
  assert.deepEqual([call.phase, call.attempts, echoes()], ["placed", 1, 1]);
  // The bus moves again, and what it had for us came first.
  beat(4_550, 4);
  dispatch.caughtUp(4_551);
  assert.deepEqual([call.phase, call.attempts, outcomes], ["placed", 1, []]);
});

test("a runner that stays silent while the bus echoes is lost, and what it had not accepted waits for another", () => {
  const { dispatch, beat, invoke, outcomes } = setUp();
  beat(0, 4);
  const call = invoke(1);
  for (let nowMs = 100; nowMs <= 3_500; nowMs += 100) dispatch.wake(nowMs);
  assert.equal(call.phase, "placed");
  dispatch.caughtUp(3_501);
  assert.equal(call.phase, "waiting");
  for (let nowMs = 3_600; nowMs <= 5_000; nowMs += 100) dispatch.wake(nowMs);
  assert.deepEqual(outcomes, ["runner_lost"]);
});

test("slots that were told of before the connection broke are not taken for free", () => {
  const { wire, beat, invoke } = setUp();
  beat(0, 4);
  wire.interruptions++;
  const call = invoke(1);
  assert.equal(call.phase, "waiting");
  beat(2, 4);
  assert.equal(call.phase, "placed");
});

test("a call that cannot be sent fails alone: those that wait behind it are served", () => {
  const { outcomes, beat, invoke } = setUp();
  const body = BodyFeed.of(Buffer.from("body"));
  body.onTaken = () => {
    throw new Error("the body cannot be read");
  };
  const [broken, behind] = [invoke(0, { body }), invoke(0)];
  beat(1, 1);
  assert.deepEqual([broken.phase, behind.phase, outcomes], ["over", "placed", ["internal"]]);
});

test("whoever throws while slots are handed out does not end that for good", () => {
  const { dispatch, beat, invoke } = setUp();
  const body = BodyFeed.of(Buffer.from("body"));
  body.onTaken = () => {
    throw new Error("the body cannot be read");
  };
  const throwing = () => {
    throw new Error("the caller's connection is in no state to be answered");
  };
  invoke(0, { body, onFailed: throwing });
  const behind = invoke(0);
  assert.throws(() => beat(1, 1), /in no state/);
  beat(2, 1);
  assert.deepEqual([behind.phase, dispatch.waitingCalls], ["placed", 0]);
});

test("calls whose time is over are told so although the caller of one of them cannot be", () => {
  const { dispatch, beat, invoke, outcomes } = setUp();
  beat(0, 4);
  const onFailed = () => {
    throw new Error("the caller's connection is in no state to be answered");
  };
  const calls = [invoke(1), invoke(1, { onFailed }), invoke(1)];
  for (let nowMs = 100; nowMs <= 7_200; nowMs += 100) {
    beat(nowMs, 4);
    dispatch.wake(nowMs);
  }
  assert.deepEqual(
    calls.map(({ phase }) => phase),
    ["over", "over", "over"],
  );
  assert.deepEqual(outcomes, ["function_timeout", "function_timeout", "internal", "function_timeout"]);
  assert.equal(dispatch.timedCalls, 0);
});

test("however many calls a runner turns away, those of one that is lost are placed again", () => {
  const { dispatch, beat, invoke, outcomes } = setUp();
  const reject = (number: number) => {
    const writer = new FrameWriter();
    writer.raw(batchHeader(""));
    writeRejected(writer, number, "platform");
    dispatch.receive("runner-1", writer.take(), 2);
  };
  beat(0, 1_000);
  const calls = Array.from({ length: 4 * DISPATCH_LIMITS.retryBurst }, () => invoke(1));
  beat(1, 1_000, "runner-2");
  for (const { number } of calls) reject(number);
  assert.deepEqual([...new Set(calls.map(({ runner }) => runner?.id))], ["runner-2"]);
  const safe = invoke(3, { safe: true });
  assert.equal(safe.runner?.id, "runner-1");
  // The next process of that name.
  beat(4, 1_000, "runner-1", "2");
  assert.deepEqual([safe.phase, safe.attempts, outcomes], ["placed", 2, []]);
});

test("an answer of another runner changes nothing and is counted, whatever name its batch claims", () => {
  const { dispatch, beat, invoke, outcomes } = setUp();
  beat(0, 4);
  const call = invoke(1);
  const answer = () => {
    const writer = new FrameWriter();
    writer.raw(batchHeader("runner-1"));
    writeHead(writer, call.number, { status: 200, headers: [], body: Buffer.alloc(0) }, true);
    return writer.take();
  };
  dispatch.receive("runner-2", answer(), 2);
  assert.deepEqual([call.phase, dispatch.foreignFrames, outcomes], ["placed", 1, []]);
  dispatch.receive("runner-1", answer(), 3);
  assert.deepEqual([call.phase, dispatch.foreignFrames], ["over", 1]);
});

test("an answer in parts is broken off when the connection broke meanwhile: a part may be missing", () => {
  const { wire, outcomes, chunks, beat, invoke, hear } = setUp();
  beat(0, 4);
  const call = invoke(1);
  hear((writer) => writeHead(writer, call.number, OPEN_HEAD, false), 2);
  hear((writer) => writeChunk(writer, call.number, Buffer.from("second"), false), 3);
  wire.interruptions += 2;
  hear((writer) => writeChunk(writer, call.number, Buffer.from("fourth"), true), 4);
  assert.deepEqual([call.phase, chunks, outcomes], ["over", ["second"], ["runner_lost"]]);
});

test("a body in parts is not sent on behind a connection that broke", () => {
  const { wire, outcomes, beat, invoke, said } = setUp();
  const body = new BodyFeed();
  beat(0, 4);
  const call = invoke(1, { body });
  body.push(Buffer.from("first"));
  assert.deepEqual(said(), [FRAME.invoke, FRAME.chunk]);
  wire.interruptions += 2;
  body.push(Buffer.from("third"));
  assert.deepEqual(said(), []);
  beat(2, 4);
  assert.deepEqual([call.phase, outcomes, said()], ["over", ["runner_lost"], [FRAME.cancel]]);
});

test("of calls that are at a runner whole it is asked behind a connection that broke, and answered for those that it has no more", () => {
  const { wire, outcomes, beat, invoke, hear, said } = setUp();
  beat(0, 4);
  const [runs, lost, lostSafe] = [invoke(1), invoke(1), invoke(1, { safe: true })];
  wire.interruptions += 2;
  said();
  beat(2, 4);
  assert.deepEqual(said(), [FRAME.probe, FRAME.probe, FRAME.probe]);
  const after = invoke(3);
  said();
  beat(4, 4);
  assert.deepEqual(said(), [], "asked once, and not of what came after");
  for (const { number } of [lost, lostSafe]) hear((writer) => writeGone(writer, number), 5);
  assert.deepEqual([lost.phase, outcomes], ["over", ["runner_lost"]]);
  assert.deepEqual([lostSafe.phase, lostSafe.attempts, said()], ["placed", 2, [FRAME.invoke]]);
  hear((writer) => writeHead(writer, runs.number, OPEN_HEAD, true), 6);
  assert.deepEqual([runs.phase, after.phase], ["over", "placed"]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { connectBus } from "@millrace/bus";
import {
  Batcher,
  batchHeader,
  CANCELLATION,
  FLAG,
  FRAME,
  FrameWriter,
  readBatchHeader,
  readFrames,
  readRejected,
  writeCancel,
  writeHead,
  writeInvoke,
  writeProbe,
} from "@millrace/frames";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { testInvoke, testNats, until } from "@millrace/testing";
import type { FunctionPool } from "../instances/function-pool.ts";
import type { Invocation } from "../instances/invocation.ts";
import { PLACING_LIMITS } from "../limits.ts";
import { Channel } from "../sandbox/channel.ts";
import { FramesBus } from "./frames-bus.ts";
import { Placing, type PlacingDependencies } from "./placing.ts";

const IDENTITY = { service: "function-runner", id: "runner-1" } as const;
const INVOKE = testInvoke();

async function socketPair(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connectSocket((server.address() as { port: number }).port, "127.0.0.1");
  const [far] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

type Given = Pick<PlacingDependencies, "batcher"> & Partial<PlacingDependencies> & { run(one: Invocation): unknown };

/** Four slots, one version that is warm. */
function placingOf({ run, ...given }: Given): Placing {
  return new Placing({
    slots: 4,
    isConnected: () => true,
    echo: async () => {},
    records: { get: () => ({ project: "p" }) as FunctionVersionRecord, waitFor: async () => undefined },
    poolOf: () => ({ isWarm: true, run }) as unknown as FunctionPool,
    onChange() {},
    onOver() {},
    ...given,
  });
}

for (const [bodies, bodyBytes, writes] of [
  ["small", 1_000, ["bus", "call"]],
  ["large", 100_000, ["bus", "call", "call"]],
] as const) {
  test(`accepted frames are written to the bus before calls with ${bodies} bodies are written to a sandbox, even beside a frame that was written earlier`, async (t) => {
    const nats = await testNats(t, { identities: [IDENTITY] });
    const silent = { info() {}, warn() {} };
    const connection = await connectBus({ url: nats.url, seed: nats.seedOf(IDENTITY), identity: IDENTITY }, silent);
    t.after(() => connection.close());
    const frames = new FramesBus(connection, IDENTITY.id);
    const [near] = await socketPair(t);
    const channel = new Channel(near, { onFrame() {}, onEnd() {} });
    let begun = 0;
    const run = (invocation: Invocation) => invocation.start(channel, ++begun, 1_000, () => {});
    const placing = placingOf({ batcher: frames.batcher, run });

    const written: string[] = [];
    const prototype = Object.getPrototypeOf(near) as Socket;
    const original = near.write;
    t.mock.method(prototype, "write", function (this: Socket, ...sent: Parameters<Socket["write"]>) {
      const text = Buffer.from(sent[0] as Uint8Array).toString("latin1");
      if (text.includes("PUB mr.gateway.gateway-1")) written.push("bus");
      else if (this === near) written.push(text.includes("the body of the call") ? "call" : "other");
      return Reflect.apply(original, this, sent) as boolean;
    });
    const writer = new FrameWriter();
    writer.raw(batchHeader("gateway-1"));
    for (const call of [7, 8])
      writeInvoke(writer, call, { ...INVOKE, body: Buffer.alloc(bodyBytes, "the body of the call") }, true);
    // The channel's flush of this turn is on its way before the bus has anything to send.
    channel.writer().begin(FRAME.credit, 0, 9).u32(1).end();
    placing.receive(writer.take());
    await until(() => written.length >= writes.length);
    assert.deepEqual(written, writes);
  });
}

test("a runner that drains waits for calls that nobody waits for", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const running: Invocation[] = [];
  const placing = placingOf({ batcher: new Batcher("runner-1", () => {}), run: (one) => running.push(one) });
  const writer = new FrameWriter();
  const [near] = await socketPair(t);
  writer.raw(batchHeader("gateway-1"));
  writeInvoke(writer, 1, INVOKE, true);
  placing.receive(writer.take());
  running[0]!.start(new Channel(near, { onFrame() {}, onEnd() {} }), 1, 60_000, () => {});
  writer.raw(batchHeader("gateway-1"));
  writeCancel(writer, 1, CANCELLATION.callerGone);
  placing.receive(writer.take());
  t.mock.timers.tick(PLACING_LIMITS.abandonedGraceMs);
  assert.deepEqual([placing.slotsBusy, placing.calls], [0, 1]);
  let drained: boolean | undefined;
  const waiting = placing.drained(10_000).then((inTime) => (drained = inTime));
  await turn();
  assert.equal(drained, undefined);
  running[0]!.end();
  await waiting;
  assert.deepEqual([drained, placing.calls], [true, 0]);
});

test("that a call which may run twice was accepted is said only when it takes long, and once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: number[] = [];
  const batcher = new Batcher("runner-1", (_, message) => {
    readFrames(message, readBatchHeader(message)!.framesAt, ({ type, call }) => sent.push(type, call));
  });
  const running: Invocation[] = [];
  const placing = placingOf({ batcher, run: (one) => running.push(one) });
  const writer = new FrameWriter();
  writer.raw(batchHeader("gateway-1"));
  for (const call of [1, 2]) writeInvoke(writer, call, INVOKE, true, FLAG.safe);
  placing.receive(writer.take());
  running[0]!.end();
  batcher.flush();
  assert.deepEqual(sent, []);
  t.mock.timers.tick(PLACING_LIMITS.acceptedSilenceMs);
  batcher.flush();
  assert.deepEqual(sent, [FRAME.accepted, 2]);
  t.mock.timers.tick(10 * PLACING_LIMITS.acceptedSilenceMs);
  batcher.flush();
  assert.deepEqual(sent, [FRAME.accepted, 2]);
});

test("a project's limit holds the calls of all its functions, and of no other project", async () => {
  const said: number[] = [];
  const batcher = new Batcher("runner-1", (_, message) => {
    readFrames(message, readBatchHeader(message)!.framesAt, ({ type, call }) => said.push(type, call));
  });
  const records = {
    get: (key: string) => ({ project: key[0], functionUid: key, maxConcurrencyPerRunner: 0 }) as FunctionVersionRecord,
    waitFor: async () => undefined,
  };
  const placing = placingOf({ batcher, run() {}, records, projectCallsMax: 1 });
  const writer = new FrameWriter();
  writer.raw(batchHeader("gateway-1"));
  for (const [i, functionKey] of ["a1", "a2", "b1"].entries()) {
    writeInvoke(writer, i + 1, { ...INVOKE, functionKey }, true);
  }
  placing.receive(writer.take());
  batcher.flush();
  assert.deepEqual(said, [FRAME.accepted, 1, FRAME.rejected, 2, FRAME.accepted, 3]);
});

test("a function's limit holds calls that came before its record, and each gives its place back once", async () => {
  const said: string[] = [];
  const batcher = new Batcher("runner-1", (_, message) => {
    readFrames(message, readBatchHeader(message)!.framesAt, (frame) => {
      said.push(`${frame.call} ${frame.type === FRAME.rejected ? readRejected(frame) : "accepted"}`);
    });
  });
  const running: Invocation[] = [];
  const record = { project: "p", functionUid: "fn", maxConcurrencyPerRunner: 1 } as FunctionVersionRecord;
  let known: FunctionVersionRecord | undefined;
  const throttled: FunctionVersionRecord[] = [];
  const placing = new Placing({
    onThrottled: (one) => throttled.push(one),
    slots: 4,
    batcher,
    isConnected: () => true,
    echo: async () => {},
    records: { get: () => known, waitFor: async () => record },
    poolOf: () =>
      ({ isWarm: true, run: (invocation: Invocation) => running.push(invocation) }) as unknown as FunctionPool,
    onChange() {},
    onOver() {},
  });
  const ask = async (...calls: number[]) => {
    const writer = new FrameWriter();
    writer.raw(batchHeader("gateway-1"));
    for (const call of calls) writeInvoke(writer, call, INVOKE, true);
    placing.receive(writer.take());
    await until(() => {
      batcher.flush();
      return calls.every((call) => said.some((line) => line.startsWith(`${call} `)));
    });
  };
  await ask(1, 2);
  known = record;
  await ask(3);
  assert.deepEqual([said, placing.slotsBusy], [["1 accepted", "2 atLimit", "3 atLimit"], 1]);
  running[0]!.end();
  await ask(4, 5);
  assert.deepEqual([said.slice(3), placing.slotsBusy], [["4 accepted", "5 atLimit"], 1]);
  assert.deepEqual(throttled, [record, record, record]);
});

/** Calls at a runner without a sandbox; `said` are the frames for its gateway. */
async function setUpCalls(t: TestContext) {
  const said: string[] = [];
  const batcher = new Batcher("", (_, message) => {
    readFrames(message, readBatchHeader(message)!.framesAt, ({ type, call }) =>
      said.push(`${TYPES.get(type)} ${call}`),
    );
  });
  const running: Invocation[] = [];
  t.after(() => {
    for (const invocation of running) invocation.end();
  });
  const placing = placingOf({ batcher, run: (one) => running.push(one) });
  const [near, far] = await socketPair(t);
  const relayed: number[] = [];
  new Channel(far, { onFrame: ({ type }) => relayed.push(type), onEnd() {} });
  const channel = new Channel(near, { onFrame() {}, onEnd() {} });
  const send = (write: (writer: FrameWriter) => void) => {
    const writer = new FrameWriter();
    writer.raw(batchHeader("gateway-1"));
    write(writer);
    placing.receive(writer.take());
    batcher.flush();
    return said.splice(0);
  };
  const start = (at: number) => running[at]!.start(channel, at + 1, 60_000, () => {});
  const answer = (at: number, end: boolean) => {
    const writer = new FrameWriter();
    writeHead(writer, at + 1, { status: 200, headers: [], body: new Uint8Array() }, end);
    readFrames(writer.take(), 0, (frame) => running[at]!.fromFunction(frame));
    batcher.flush();
    return said.splice(0);
  };
  return { placing, batcher, running, said, relayed, send, start, answer };
}

const TYPES = new Map<number, string>(Object.entries(FRAME).map(([name, type]) => [type, name]));

test("a gateway that asks for a call hears of those for which nothing will come any more", async (t) => {
  const { send, start, answer } = await setUpCalls(t);
  for (const call of [1, 2, 3]) send((writer) => writeInvoke(writer, call, INVOKE, true, FLAG.safe));
  start(1);
  answer(1, true);
  const asked = [1, 2, 3, 4].flatMap((call) => send((writer) => writeProbe(writer, call)));
  assert.deepEqual(asked, ["gone 2", "gone 4"], "2 is answered, 4 never came");
});

test("a call whose body or answer is under way in parts is given up when the connection was broken, others go on", async (t) => {
  const { placing, batcher, running, said, relayed, send, start, answer } = await setUpCalls(t);
  for (const call of [1, 2]) send((writer) => writeInvoke(writer, call, INVOKE, true, FLAG.safe));
  send((writer) => writeInvoke(writer, 3, INVOKE, false, FLAG.safe));
  for (const at of [0, 1, 2]) start(at);
  answer(1, false);
  placing.onReconnected();
  batcher.flush();
  assert.deepEqual(said, ["failed 2", "failed 3"]);
  assert.deepEqual(
    running.map(({ phase }) => phase),
    ["running", "answered", "answered"],
  );
  await until(() => relayed.filter((type) => type === FRAME.cancel).length === 2);
});

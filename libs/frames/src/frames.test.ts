import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  Batcher,
  type Frame,
  FrameWriter,
  readBatchHeader,
  readFrames,
  readHead,
  readInvoke,
  StreamParser,
  writeHead,
  writeInvoke,
} from "./mod.ts";

const latin1 = fc.string({
  unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const utf8 = fc.string({ unit: "grapheme", maxLength: 20 });
const pairs = <T>(of: fc.Arbitrary<T>) => fc.array(fc.tuple(of, of), { maxLength: 5 }).map((list) => list.flat());
const invokes = fc.record(
  {
    remainingMs: fc.nat(300_000),
    depth: fc.nat(255),
    attempt: fc.nat(255),
    requestId: latin1,
    traceparent: latin1,
    functionKey: latin1,
    route: utf8,
    method: latin1,
    target: latin1,
    pathParameters: pairs(utf8),
    sourceIp: latin1,
    protocol: latin1,
    scheme: latin1,
    identity: fc.record({ keyId: utf8, accountId: utf8, authType: utf8 }, { noNullPrototype: true }),
    headers: pairs(latin1),
    body: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  readFrames(bytes, 0, (frame) => frames.push(frame));
  return frames;
}

test("an invoke frame reads back as it was written", () => {
  fc.assert(
    fc.property(invokes, fc.nat(0xffffffff), (invoke, call) => {
      const writer = new FrameWriter();
      writeInvoke(writer, call, invoke, true);
      const [frame] = framesOf(writer.take());
      assert.equal(frame?.call, call);
      assert.deepEqual(readInvoke(frame!), invoke);
    }),
  );
});

test("a payload cut short at any byte reads as null and never throws", () => {
  fc.assert(
    fc.property(invokes, fc.double({ min: 0, max: 0.999, noNaN: true }), (invoke, part) => {
      const writer = new FrameWriter();
      writeInvoke(writer, 1, { ...invoke, body: Buffer.alloc(0) }, true);
      const [frame] = framesOf(writer.take());
      const cut = { ...frame!, payload: frame!.payload.subarray(0, Math.floor(frame!.payload.length * part)) };
      assert.equal(readInvoke(cut), null);
    }),
  );
});

test("a stream cut into any pieces gives the same frames", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 50 }),
      (sizes, step) => {
        const writer = new FrameWriter();
        for (const [call, size] of sizes.entries()) {
          writeHead(writer, call, { status: 200, headers: [], body: Buffer.alloc(size, call) }, true);
        }
        const bytes = writer.take();
        const seen: number[] = [];
        const parser = new StreamParser((frame) => seen.push(readHead(frame)!.body.length));
        for (let at = 0; at < bytes.length; at += step) assert.ok(parser.push(bytes.subarray(at, at + step)));
        assert.deepEqual(seen, sizes);
      },
    ),
  );
});

test("arbitrary bytes never throw, and a length out of bounds breaks a stream for good", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const message = Buffer.from(bytes);
      readBatchHeader(message);
      readFrames(message, 0, (frame) => [readInvoke(frame), readHead(frame)]);
    }),
  );
  const parser = new StreamParser(() => assert.fail("no frame is here"));
  assert.equal(parser.push(Buffer.from([0xff, 0xff, 0xff, 0xff])), false);
  assert.equal(parser.push(Buffer.alloc(0)), false);
});

test("a batcher sends one message per peer and tick, with the sender's name", async () => {
  const sent: { peer: string; message: Buffer }[] = [];
  const batcher = new Batcher("gateway-1", (peer, message) => sent.push({ peer, message }));
  for (let call = 0; call < 3; call++)
    writeHead(batcher.to("a"), call, { status: 200, headers: [], body: Buffer.alloc(9) }, true);
  writeHead(batcher.to("b"), 7, { status: 200, headers: [], body: Buffer.alloc(0) }, true);
  assert.equal(sent.length, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    sent.map(({ peer }) => peer),
    ["a", "b"],
  );
  const header = readBatchHeader(sent[0]!.message)!;
  assert.equal(header.sender, "gateway-1");
  const calls: number[] = [];
  readFrames(sent[0]!.message, header.framesAt, (frame) => calls.push(frame.call));
  assert.deepEqual(calls, [0, 1, 2]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkParser, chunkHeader, KIND, readLookup, readMessage, readOpen, writeMessage } from "./wire.ts";

test("a message is read as it was written, however it is cut", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.uint8Array(), (value, after) => {
      const bytes = Buffer.concat([writeMessage(KIND.open, { value }), after]);
      const end = bytes.length - after.length;
      for (let cut = 0; cut < end; cut++) assert.equal(readMessage(bytes.subarray(0, cut)), undefined);
      const { kind, body, rest } = readMessage(bytes)!;
      assert.deepEqual([kind, JSON.stringify(body)], [KIND.open, JSON.stringify({ value })]);
      assert.deepEqual([...rest], [...after]);
    }),
    { numRuns: 50 },
  );
});

test("no bytes make the reading of a message throw, and none is longer than its bound", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(1, 2, 3), (noise, kind) => {
      readMessage(Buffer.from(noise));
      const framed = Buffer.concat([Buffer.from([kind, noise.length, 0]), noise]);
      const message = readMessage(framed);
      if (message) for (const read of [readOpen, readLookup]) read(message.body);
    }),
    { numRuns: 2_000 },
  );
  assert.equal(readMessage(Buffer.from([1, 255, 255])), null);
  for (const body of ["[]", "1", "null", '"a"', "{", ""]) {
    assert.equal(readMessage(Buffer.concat([Buffer.from([1, body.length, 0]), Buffer.from(body)])), null, body);
  }
});

test("a request with anything odd in it is none", () => {
  const request = { host: "a.example", port: 443, family: 6, given: "1.1.1.1", functionName: "f" };
  assert.deepEqual(readOpen(request), request);
  assert.deepEqual(readOpen({ host: "a", port: 1 }), { host: "a", port: 1, family: 0, given: "", functionName: "" });
  for (const port of [0, 65_536, 1.5, "443", null, undefined, Number.NaN]) {
    assert.equal(readOpen({ ...request, port }), undefined, `${port}`);
  }
  for (const host of [undefined, 1, null, {}, ["a"]]) {
    assert.equal(readOpen({ ...request, host }), undefined);
    assert.equal(readLookup({ host }), undefined);
  }
  assert.equal(readOpen({ ...request, functionName: "x".repeat(1_000) })?.functionName.length, 128);
});

test("chunks give back the bytes, however they are cut, and tell an end from a break", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      (parts, step, ends) => {
        const heard: Buffer[] = [];
        const parser = new ChunkParser((bytes) => heard.push(Buffer.from(bytes)));
        const sent = parts.flatMap((part) => [chunkHeader(part.length), Buffer.from(part)]);
        const stream = Buffer.concat(ends ? [...sent, chunkHeader(0), Buffer.from("after")] : sent);
        for (let at = 0; at < stream.length; at += step) parser.push(stream.subarray(at, at + step));
        assert.deepEqual(Buffer.concat(heard), Buffer.concat(parts));
        assert.equal(parser.state, ends ? "ended" : "open");
      },
    ),
  );
  const parser = new ChunkParser(() => assert.fail("no bytes came"));
  parser.push(Buffer.from([255, 255, 255, 255, 1, 2]));
  assert.equal(parser.state, "broken");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameWriter, readFrames } from "@millrace/frames";
import { readDone, writeDone } from "./sandbox-frames.ts";

test("what an instance says at a call's end is read as it was written", () => {
  const done = { memoryKib: 1, droppedLines: 2, cpuUs: 3, openUs: 4, workUs: 5, coreUs: 6, shared: true };
  const writer = new FrameWriter();
  writeDone(writer, 7, done);
  const read: unknown[] = [];
  readFrames(writer.take(), 0, (frame) => read.push([frame.call, readDone(frame)]));
  assert.deepEqual(read, [[7, done]]);
});

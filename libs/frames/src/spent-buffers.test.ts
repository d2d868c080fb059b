import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CHUNK_BYTES_MAX, FrameWriter, readFrames, writeChunk } from "./mod.ts";

const MIB = 1024 ** 2;

test("buffers of bodies that went through do not pile up", async () => {
  const writer = new FrameWriter();
  const chunk = Buffer.alloc(CHUNK_BYTES_MAX, "x");
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let read = 0;
  for (let i = 0; i < 4_000; i++) {
    writeChunk(writer, 1, chunk, false);
    readFrames(writer.take(), 0, (frame) => {
      read += frame.payload.length;
    });
    if (i % 10 === 0) await turn();
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.equal(read, 4_000 * CHUNK_BYTES_MAX);
  assert.ok(most < 24 * MIB, `${Math.round(most / MIB)} MiB of buffers at most`);
});

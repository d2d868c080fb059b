import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { CHUNK_BYTES_MAX, writeChunk } from "@millrace/frames";
import { until } from "@millrace/testing";
import { Channel } from "./channel.ts";

const CHUNKS = 400;

test("frames arrive as they were written, small ones between large ones, though they are read far later", async (t) => {
  const [near, far] = await socketPair(t);
  const received: { call: number; length: number; isWhole: boolean }[] = [];
  const onFrame = ({ call, payload }: { call: number; payload: Buffer }) => {
    received.push({ call, length: payload.length, isWhole: payload.every((byte) => byte === call % 256) });
  };
  far.pause();
  const channel = new Channel(near, { onFrame() {}, onEnd() {} });
  new Channel(far, { onFrame, onEnd() {} });
  far.pause();
  for (let call = 1; call <= CHUNKS; call++) {
    writeChunk(channel.writer(), call, Buffer.alloc(lengthOf(call), call), false);
    if (call % 7 === 0) await turn();
  }
  far.resume();
  await until(() => received.length === CHUNKS);
  const sent = Array.from({ length: CHUNKS }, (_, i) => ({ call: i + 1, length: lengthOf(i + 1), isWhole: true }));
  assert.deepEqual(received, sent);
});

const lengthOf = (call: number): number => (call % 3 === 0 ? 100 : CHUNK_BYTES_MAX - call);

async function socketPair(t: { after(done: () => Promise<void>): void }): Promise<[Socket, Socket]> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-channel-"));
  const server = createServer().listen(join(folder, "socket"));
  await once(server, "listening");
  const near = createConnection(join(folder, "socket"));
  const [far] = (await once(server, "connection")) as [Socket];
  t.after(async () => {
    near.destroy();
    far.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });
  return [near, far];
}

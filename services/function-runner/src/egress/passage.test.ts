import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { listening } from "./egress-fixture.ts";
import { letPass, type Passage } from "./passage.ts";
import { ChunkParser } from "./wire.ts";

const accepted: Socket[] = [];
const port = await listening(createServer({ allowHalfOpen: true }, (socket) => void accepted.push(socket)));

/** Two ends of a connection: the supervisor's, and the other. */
async function pair(): Promise<[Socket, Socket]> {
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(near, "connect");
  const far = await until(() => accepted.find(({ remotePort }) => remotePort === near.localPort));
  return [near, far.on("error", () => {})];
}

async function passing(mayPass = Infinity) {
  const [[near, sandbox], [toRemote, remote]] = await Promise.all([pair(), pair()]);
  test.after(() => void [sandbox, remote].map((socket) => socket.destroy()));
  const over = Promise.withResolvers<Passage>();
  let passed = 0;
  letPass(near, toRemote, Buffer.from("first"), {
    onBytes(bytes) {
      passed += bytes;
      return passed <= mayPass;
    },
    onOver: over.resolve,
  });
  return { sandbox, remote, over: over.promise };
}

test("what passes more than it may is cut on both sides", async () => {
  const { sandbox, remote, over } = await passing(1_000);
  sandbox.write(Buffer.alloc(990));
  await until(() => remote.resume().bytesRead === 995);
  remote.write(Buffer.alloc(10));
  assert.deepEqual(await over, { bytesOut: 995, bytesIn: 10, outcome: "cut" });
  for (const socket of [sandbox, remote]) await until(() => socket.resume().readableEnded || socket.destroyed);
});

test("the slower side sets the pace: little is held for it", async () => {
  const { sandbox, remote, over } = await passing();
  let sent = 0;
  const piece = Buffer.alloc(64 * 1024);
  const heard = new ChunkParser(() => {});
  while (remote.write(piece)) sent++;
  // Nobody reads: the kernel's buffers fill up, then the supervisor's, then the writer waits.
  const stuck = await until(() => remote.writableNeedDrain && remote.writableLength);
  assert.ok(stuck > 0, `${sent} pieces were taken`);
  sandbox.on("data", (bytes: Buffer) => heard.push(bytes));
  await once(remote, "drain");
  remote.end();
  await until(() => heard.state === "ended");
  sandbox.end();
  assert.equal((await over).outcome, "closed");
});

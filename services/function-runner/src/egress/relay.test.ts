import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type CheckedAddress, dial, OUTBOUND_LIMITS } from "@millrace/outbound";
import { until } from "@millrace/testing";
import fc from "fast-check";
import { EGRESS_LIMITS } from "../limits.ts";
import type { EgressEvent } from "./audit.ts";
import { Egress } from "./egress.ts";
import { listening, PUBLIC } from "./egress-fixture.ts";
import { type EgressPolicy, policyOf } from "./egress-policy.ts";
import { KIND, type Message, readMessage, writeMessage } from "./wire.ts";

// The supervisor's end, and a sandbox that says to it what it likes.

const HERE: CheckedAddress = { address: "127.0.0.1", family: 4 };
const accepted: Socket[] = [];
const port = await listening(
  createServer((socket) => {
    accepted.push(socket.on("error", () => {}));
    socket.pipe(socket);
  }),
);
const LISTED = policyOf({ egress: { mode: "hosts", hosts: [`*.example.com:${port}`, `1.2.3.4:${port}`] } });

function openRelay(t: { after(release: () => void): void }, policy: EgressPolicy = LISTED) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-relay-"));
  const events: EgressEvent[] = [];
  const dialed: string[] = [];
  const answers: Record<string, CheckedAddress[]> = {};
  const egress = new Egress({
    allow: [],
    busUrl: "nats://192.0.2.1:4222",
    log: { info: (event) => events.push(event as EgressEvent), warn() {} },
    resolve: async (host) => answers[host] ?? [PUBLIC],
    dial: (addresses, toPort, signal) => {
      dialed.push(...addresses.map(({ address }) => address));
      return dial([HERE], toPort, signal);
    },
  });
  const close = egress.open({ folder, uid: undefined }, "shop", policy);
  t.after(() => {
    close();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, "relay.sock");
  const say = (bytes: Uint8Array) => {
    const socket = connect({ path }).on("error", () => {});
    socket.write(bytes);
    return socket;
  };
  return {
    egress,
    events,
    dialed,
    answers,
    path,
    close,
    say,
    ask: (kind: number, body: object) => answerTo(say(writeMessage(kind, body))),
  };
}

async function answerTo(socket: Socket): Promise<{ socket: Socket; answer: Message["body"] | undefined }> {
  const heard = Promise.withResolvers<Message["body"] | undefined>();
  let bytes = Buffer.alloc(0);
  socket.on("close", () => heard.resolve(undefined));
  socket.on("data", (more: Buffer) => {
    bytes = Buffer.concat([bytes, more]);
    const message = readMessage(bytes);
    if (message) heard.resolve(message.body);
  });
  return { socket, answer: await heard.promise };
}

const closed = (socket: Socket) => (socket.destroyed ? undefined : once(socket, "close"));

test("only the sandbox's user may connect", async (t) => {
  const { path } = openRelay(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("whatever a sandbox says, the supervisor goes on", async (t) => {
  const { say, ask } = openRelay(t);
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 3, maxLength: 64 }),
      fc.integer({ min: 0, max: 8 }),
      async (noise, kind) => {
        const framed = Buffer.concat([Buffer.from([kind, noise.length, 0]), noise]);
        await closed(say(framed).resume());
        const garbage = say(Buffer.concat([Buffer.from([kind, 255, 255]), noise]));
        await closed(garbage.resume());
      },
    ),
    { numRuns: 50 },
  );
  const { answer } = await ask(KIND.open, { host: "a.example.com", port });
  assert.equal(typeof answer?.id, "number");
});

test("who says nothing is closed", async (t) => {
  const { say } = openRelay(t);
  const startedAt = performance.now();
  await closed(say(Buffer.from([1])).resume());
  assert.ok(performance.now() - startedAt >= EGRESS_LIMITS.messageTimeoutMs - 50);
});

test("a connection is claimed once, with the number that was given", async (t) => {
  const { ask, say, events } = openRelay(t);
  const { answer } = await ask(KIND.open, { host: "a.example.com", port, functionName: "greet" });
  for (const id of [1, -1, "x", null, Number(answer?.id) ^ 1]) {
    await closed(say(writeMessage(KIND.claim, { id })).resume());
  }
  const first = say(Buffer.concat([writeMessage(KIND.claim, { id: answer?.id }), Buffer.from("hello")]));
  const [echoed] = (await once(first, "data")) as [Buffer];
  assert.equal(echoed.subarray(4).toString(), "hello");
  await closed(say(writeMessage(KIND.claim, { id: answer?.id })).resume());
  first.end();
  await until(() => events.length === 1);
  const { durationMs, ...event } = events[0]!;
  assert.deepEqual(event, {
    project: "shop",
    function: "greet",
    target: `a.example.com:${port}`,
    address: PUBLIC.address,
    outcome: "closed",
    bytesOut: 5,
    bytesIn: 5,
  });
  assert.ok(durationMs >= 0);
});

test("a connection that nobody wants any more is closed", async (t) => {
  const { ask, events } = openRelay(t);
  const before = accepted.length;
  const { socket } = await ask(KIND.open, { host: "a.example.com", port });
  await until(() => accepted.length > before);
  socket.destroy();
  await until(() => accepted.at(-1)?.destroyed);
  await until(() => events.some(({ outcome }) => outcome === "abandoned"));
});

test("a connection that breaks before it is claimed is not claimed any more", async (t) => {
  const { ask, say, events } = openRelay(t);
  const before = accepted.length;
  const { socket, answer } = await ask(KIND.open, { host: "a.example.com", port });
  await until(() => accepted.length > before);
  accepted.at(-1)!.resetAndDestroy();
  await closed(socket);
  await closed(say(writeMessage(KIND.claim, { id: answer?.id })).resume());
  assert.deepEqual(
    events.map(({ outcome }) => outcome),
    ["broken"],
  );
});

test("what is open ends with the sandbox", async (t) => {
  const { ask, close } = openRelay(t);
  const { socket } = await ask(KIND.open, { host: "a.example.com", port });
  close();
  await closed(socket);
  await until(() => accepted.every(({ destroyed }) => destroyed));
});

test("a name is resolved anew for each connection, and every address of the answer is checked", async (t) => {
  const { ask, answers, dialed, events } = openRelay(t);
  const privately = ["10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"];
  answers["mixed.example.com"] = [...privately, "1.1.1.1"].map((address) => ({
    address,
    family: address.includes(":") ? 6 : 4,
  }));
  await ask(KIND.open, { host: "mixed.example.com", port });
  assert.deepEqual(dialed, ["1.1.1.1"]);
  answers["rebound.example.com"] = [PUBLIC];
  const first = await ask(KIND.open, { host: "rebound.example.com", port });
  assert.ok(first.answer?.id);
  await new Promise((resolve) => setTimeout(resolve, OUTBOUND_LIMITS.lookupKeptMs + 50));
  answers["rebound.example.com"] = [{ address: "169.254.169.254", family: 4 }];
  const second = await ask(KIND.open, { host: "rebound.example.com", port });
  assert.equal(second.answer?.code, "EACCES");
  assert.equal(second.answer?.address, "");
  assert.deepEqual(dialed, ["1.1.1.1", PUBLIC.address]);
  assert.equal(events.find(({ outcome }) => outcome === "denied")?.address, "169.254.169.254");
});

test("a sandbox asks so often in a second, and again in the next", async (t) => {
  const { ask } = openRelay(t, { mode: "none" });
  let limited = 0;
  for (let i = 0; i < 3 * EGRESS_LIMITS.asksPerSecond && limited === 0; i += 50) {
    const asked = Array.from({ length: 50 }, () => ask(KIND.open, { host: "a.example.com", port }));
    for (const { answer } of await Promise.all(asked)) if (answer?.code === "EAGAIN") limited++;
  }
  assert.ok(limited > 0);
  await until(async () => (await ask(KIND.open, { host: "a.example.com", port })).answer?.code === "EACCES");
});

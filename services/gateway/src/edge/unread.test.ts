import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import type { Call } from "../dispatching/call.ts";
import { HELLO, HOST, startGateway } from "../testing/gateway-fixture.ts";
import type { Exchange } from "./exchange.ts";
import { FunctionAnswer } from "./function-answer.ts";
import { GatewayHttp } from "./gateway-http.ts";

// What one side sends and the other does not read.

const gateway = await startGateway({ after });
await gateway.putVersion();
await gateway.release([
  { apiName: "hello", method: "POST", path: "/hello", backend: { $case: "function" as const, value: HELLO } },
]);
const runner = await gateway.startRunner();

const LENGTH = 4 * 1024 ** 2;
const BODIES = {
  "a declared length": `Content-Length: ${LENGTH}\r\n\r\n${"a".repeat(LENGTH)}`,
  chunks: `Transfer-Encoding: chunked\r\n\r\n${LENGTH.toString(16)}\r\n${"a".repeat(LENGTH)}\r\n0\r\n\r\n`,
};
const post = (rest: string) => `POST /hello HTTP/1.1\r\nHost: ${HOST}\r\n${rest}`;
const LAST = post("Connection: close\r\nContent-Length: 0\r\n\r\n");
const statusesOf = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

for (const [framing, body] of Object.entries(BODIES)) {
  test(`a function may answer without reading a body with ${framing}: the rest is thrown away, the next request served`, async () => {
    runner.behaviour = (invocation) => {
      invocation.readsBody = false;
      invocation.answer(200, [], "early");
    };
    assert.deepEqual(statusesOf(await gateway.sendRaw(post(body) + LAST)), [200, 200]);
  });
}

test("a body without end is not read on for ever after the answer", async () => {
  runner.behaviour = (invocation) => {
    invocation.readsBody = false;
    invocation.answer(200, [], "early");
  };
  const piece = `${LENGTH.toString(16)}\r\n${"a".repeat(LENGTH)}\r\n`;
  const socket = connect(gateway.port, "127.0.0.1").resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}).write(post("Transfer-Encoding: chunked\r\n\r\n"));
  socket.on("drain", () => socket.write(piece)).write(piece);
  await closed;
  assert.ok(socket.bytesWritten < 32 * 1024 ** 2, `${socket.bytesWritten} bytes`);
});

test("who never reads its answer loses the connection", async () => {
  const edge = new GatewayHttp({
    host: "127.0.0.1",
    port: 0,
    stalledMs: 200,
    serve: async (exchange) => {
      exchange.writeHead(200, []);
      exchange.end(Buffer.alloc(32 * 1024 ** 2));
    },
    onUnparsed() {},
    onEnd() {},
    log: { error() {}, debug() {} },
  });
  await edge.listen();
  const socket = connect(edge.port, "127.0.0.1").pause();
  socket.on("error", () => {}).write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  await until(() => edge.inFlight === 1);
  await until(() => edge.inFlight === 0);
  socket.destroy();
  edge.close();
});

test("a function whose caller takes nothing of its answer is let go, and its caller cut off", async () => {
  const left: Call[] = [];
  const call = { attempts: 1, runner: null, consumed() {} } as unknown as Call;
  const edge = new GatewayHttp({
    host: "127.0.0.1",
    port: 0,
    serve: async (exchange) => {
      exchange.deployment = { environment: "online" } as Exchange["deployment"];
      const answer = new FunctionAnswer(exchange, (one) => left.push(one), 200);
      answer.follow(call);
      answer.head({ status: 200, headers: [], body: Buffer.alloc(0) }, false);
      for (let mib = 0; mib < 32; mib++) answer.chunk(Buffer.alloc(1024 ** 2), false);
    },
    onUnparsed() {},
    onEnd() {},
    log: { error() {}, debug() {} },
  });
  await edge.listen();
  const socket = connect(edge.port, "127.0.0.1").pause();
  socket.on("error", () => {}).write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  await until(() => edge.inFlight === 1);
  await until(() => edge.inFlight === 0);
  assert.deepEqual(left, [call]);
  socket.destroy();
  edge.close();
});

test("a caller who takes its answer slowly gets all of it", async () => {
  const body = Buffer.alloc(16 * 1024 ** 2, "a");
  const edge = new GatewayHttp({
    host: "127.0.0.1",
    port: 0,
    serve: async (exchange) => {
      exchange.deployment = { environment: "online" } as Exchange["deployment"];
      const answer = new FunctionAnswer(exchange, () => {}, 400);
      answer.follow({
        attempts: 1,
        runner: null,
        consumed: () => answer.chunk(Buffer.alloc(0), true),
      } as unknown as Call);
      answer.head({ status: 200, headers: [], body }, false);
    },
    onUnparsed() {},
    onEnd() {},
    log: { error() {}, debug() {} },
  });
  await edge.listen();
  const socket = connect(edge.port, "127.0.0.1").pause();
  let received = 0;
  socket.on("data", (bytes) => {
    received += bytes.length;
  });
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  // Every now and then it takes some, for longer than it may take nothing.
  const taking = setInterval(() => {
    socket.resume();
    setTimeout(() => socket.pause(), 5);
  }, 100);
  await until(() => received > body.length, { timeoutMs: 20_000 });
  clearInterval(taking);
  socket.destroy();
  edge.close();
});

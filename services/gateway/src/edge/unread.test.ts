import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { HELLO, HOST, startGateway } from "../testing/gateway-fixture.ts";
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

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { until } from "@millrace/testing";
import { EDGE_LIMITS } from "../limits.ts";
import { HELLO, HOST, startGateway } from "../testing/gateway-fixture.ts";

// Bodies and lengths on a socket: what is said of a body, what is sent of it, and what is left when it goes wrong midway.

const gateway = await startGateway({ after });
await gateway.putVersion({ shape: "fetch" });
const backend = { $case: "function" as const, value: HELLO };
await gateway.release(
  ["GET", "POST"].map((method) => ({ apiName: `${method}Hello`, method, path: "/hello", backend })),
);

const EXPECTING = `POST /hello HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nExpect: 100-continue\r\n`;

const runner = await gateway.startRunner();
const MIB = 1024 ** 2;
const ask = (method: string, more = "", version = "1.1") =>
  gateway.sendRaw(`${method} /hello HTTP/${version}\r\nHost: ${HOST}\r\nConnection: close\r\n${more}\r\n`);
const lengthOf = (answer: string) => /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
const bodyOf = (answer: string) => answer.slice(answer.indexOf("\r\n\r\n") + 4);

test("who waits for 100 Continue is told to go on once a runner has the request, and only then sends its body", async () => {
  for (const [length, framing] of [
    [2, "Content-Length: 2\r\n\r\n"],
    [100_000, "Content-Length: 100000\r\n\r\n"],
  ] as const) {
    const socket = connect(gateway.port, "127.0.0.1").setEncoding("latin1");
    let received = "";
    socket.on("data", (text) => {
      received += text;
    });
    const before = runner.invocations.length;
    runner.behaviour = (invocation) => {
      invocation.accept();
      void invocation.bodyEnd.promise.then((body) => invocation.head(200, [], `${body.length}`, true));
    };
    socket.write(EXPECTING + framing);
    await until(() => received === "HTTP/1.1 100 Continue\r\n\r\n", { message: () => received });
    assert.equal(runner.invocations.length, before + 1);
    socket.write("a".repeat(length));
    await until(() => received.endsWith(`\r\n\r\n${length}`), { message: () => received });
    socket.destroy();
  }
});

test("a function that streams takes bodies of any length; for others 10 MiB are the end", async (t) => {
  let bytes = 0;
  runner.behaviour = (invocation) => {
    invocation.accept();
    const { receive } = invocation;
    invocation.receive = (frame) => {
      bytes += frame.payload.length;
      receive.call(invocation, frame);
    };
    void invocation.bodyEnd.promise.then(() => invocation.head(200, [], "done", true));
  };
  const length = EDGE_LIMITS.wholeBodyBytesMax + 2 * MIB;
  const post = `POST /hello HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
  assert.match(await gateway.sendRaw(Buffer.concat([Buffer.from(post), Buffer.alloc(length)])), /^HTTP\/1\.1 200/);
  assert.ok(bytes >= length - 64 * 1024, `${bytes} bytes`);
  t.after(() => gateway.putVersion({ shape: "fetch" }));
  await gateway.putVersion({ shape: "handler" });
  await until(async () => /^HTTP\/1\.1 413/.test(await gateway.sendRaw(post)));
});

const HEADS: Record<string, { method: string; status: number; headers: string[]; body: string; length?: string }> = {
  "HEAD says the length that the function says": {
    method: "HEAD",
    status: 200,
    headers: ["content-length", "1234"],
    body: "",
    length: "1234",
  },
  "HEAD says the length of the body that it leaves out": {
    method: "HEAD",
    status: 200,
    headers: [],
    body: "hello",
    length: "5",
  },
  "HEAD says no length when the function leaves body and length out": {
    method: "HEAD",
    status: 200,
    headers: [],
    body: "",
  },
  "304 says the length that the function says": {
    method: "GET",
    status: 304,
    headers: ["content-length", "7"],
    body: "",
    length: "7",
  },
  "304 says no length of its own": { method: "GET", status: 304, headers: ["etag", '"a"'], body: "" },
  "204 says no length": { method: "GET", status: 204, headers: ["content-length", "7"], body: "lost" },
  "205 says that it is empty": { method: "GET", status: 205, headers: [], body: "lost", length: "0" },
  "a length that is none is not passed on": {
    method: "HEAD",
    status: 200,
    headers: ["content-length", "-1"],
    body: "",
  },
};

for (const [what, { method, status, headers, body, length }] of Object.entries(HEADS)) {
  test(`${what}, and has no body`, async () => {
    runner.behaviour = (invocation) => invocation.answer(status, headers, body);
    const answer = await ask(method);
    assert.deepEqual([lengthOf(answer), bodyOf(answer)], [length, ""]);
    assert.doesNotMatch(answer, /transfer-encoding/i);
  });
}

test("a body whose length the function says beforehand streams under it; without, in chunks", async () => {
  runner.behaviour = (invocation) =>
    void invocation.accept().head(200, ["content-length", "8"], "half").chunk(Buffer.from("half"), true);
  const known = await ask("GET");
  assert.deepEqual([lengthOf(known), bodyOf(known)], ["8", "halfhalf"]);
  runner.behaviour = (invocation) => void invocation.accept().head(200, [], "half").chunk(Buffer.from("half"), true);
  assert.match(await ask("GET"), /transfer-encoding: chunked.*8\r\nhalfhalf\r\n0\r\n\r\n$/is);
});

for (const [what, rest] of [
  ["longer", "halfhalf"],
  ["shorter", "h"],
]) {
  test(`a body that turns out ${what} than the function said is broken off`, async () => {
    runner.behaviour = (invocation) =>
      void invocation.accept().head(200, ["content-length", "8"], "half").chunk(Buffer.from(rest!), true);
    await assert.rejects(ask("GET"), /ECONNRESET/);
    const { requestId } = runner.invocations.at(-1)!.invoke;
    const line = await until(() => gateway.lines.find((one) => one.requestId === requestId));
    assert.equal(line.reason, "function_response_invalid");
  });
}

test("with HTTP/1.0 the end of the connection ends the body, so one that fails midway is reset", async () => {
  runner.behaviour = (invocation) => void invocation.accept().head(200, [], "half").chunk(Buffer.from("half"), true);
  const whole = await ask("GET", "", "1.0");
  assert.equal(bodyOf(whole), "halfhalf");
  assert.doesNotMatch(whole, /transfer-encoding/i);
  runner.behaviour = (invocation) => invocation.accept().head(200, [], "half").fail("function_error", "later");
  await assert.rejects(ask("GET", "", "1.0"), /ECONNRESET/);
});

test("all headers of a response together are bounded", async () => {
  const headers = (count: number) =>
    Array.from({ length: count }, (_, at) => [`x-h${at + 10}`, "a".repeat(1_000)]).flat();
  runner.behaviour = (invocation) => invocation.answer(200, headers(15), "ok");
  assert.match(await ask("GET"), /^HTTP\/1\.1 200/);
  runner.behaviour = (invocation) => invocation.answer(200, headers(16), "ok");
  assert.match(await ask("GET"), /^HTTP\/1\.1 502.*"function_response_invalid"/s);
});

test("requests that follow each other without waiting are answered in turn, also a large answer behind a slow one", async () => {
  const large = Buffer.alloc(MIB, "b");
  runner.behaviour = (invocation) => {
    invocation.accept();
    if (invocation.invoke.method === "POST") {
      setTimeout(() => invocation.head(200, [], "slow", true), 200);
      return;
    }
    invocation.head(200, ["content-length", String(MIB)]);
    let sent = 0;
    const pump = () => {
      while (sent < MIB && sent < 256 * 1024 + invocation.creditBytes) {
        invocation.chunk(large.subarray(sent, sent + 64 * 1024), sent + 64 * 1024 >= MIB);
        sent += 64 * 1024;
      }
    };
    invocation.onCredit = pump;
    pump();
  };
  const answers = await gateway.sendRaw(
    `POST /hello HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n` +
      `GET /hello HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
  );
  assert.match(answers.slice(0, 400), /^HTTP\/1\.1 200.*\r\n\r\nslowHTTP\/1\.1 200/s);
  assert.ok(answers.endsWith("b".repeat(MIB)));
});

test("a body that ends too early, or cannot be read on, cancels the function at once", async () => {
  runner.behaviour = (invocation) => invocation.accept();
  const post = `POST /hello HTTP/1.1\r\nHost: ${HOST}\r\n`;
  for (const request of [`${post}Content-Length: 100000\r\n\r\n`, `${post}Transfer-Encoding: chunked\r\n\r\n`]) {
    const before = runner.invocations.length;
    const socket = connect(gateway.port, "127.0.0.1").on("error", () => {});
    socket.write(request);
    await until(() => runner.invocations.length > before);
    const brokenAt = performance.now();
    if (request.includes("chunked")) socket.write("no chunk\r\n");
    else socket.end("half");
    assert.equal(await runner.invocations.at(-1)!.cancelled.promise, 1);
    assert.ok(performance.now() - brokenAt < EDGE_LIMITS.lingerMs / 2, `${performance.now() - brokenAt} ms`);
    socket.destroy();
  }
});

test("what cannot be parsed behind a whole request costs that one nothing: it is answered, then the fault", async () => {
  runner.behaviour = (invocation) => {
    invocation.accept();
    setTimeout(() => invocation.head(200, [], "slow", true), 100);
  };
  const answers = await gateway.sendRaw(`GET /hello HTTP/1.1\r\nHost: ${HOST}\r\n\r\nno HTTP at all\r\n\r\n`);
  assert.match(answers, /^HTTP\/1\.1 200.*\r\n\r\nslowHTTP\/1\.1 400.*"request_malformed"/s);
});

test("who waits for 100 Continue is refused without it when no runner takes the request, and sends nothing", async (t) => {
  runner.draining = true;
  t.after(() => {
    runner.draining = false;
  });
  await until(() => gateway.app.dispatcher.runners.get("runner-1")?.draining);
  const answer = await gateway.sendRaw(`${EXPECTING}Content-Length: 2\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 503.*"overloaded"/s);
});

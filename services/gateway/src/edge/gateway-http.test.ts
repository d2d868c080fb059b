import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { readTraceparent, spanBelow, writeTraceparent } from "@millrace/telemetry/tracing";
import { until } from "@millrace/testing";
import { HELLO, HOST, LABEL, startGateway } from "../testing/gateway-fixture.ts";

// Bytes on a socket against a gateway whose one function answers what it was asked.

const gateway = await startGateway({ after });
const hello = { $case: "function" as const, value: HELLO };
await gateway.putVersion();
await gateway.release([
  { apiName: "getHello", method: "GET", path: "/hello", backend: hello },
  { apiName: "postHello", method: "POST", path: "/hello", backend: hello },
  { apiName: "everything", method: "GET", path: "/all", prefixMatch: true, backend: hello },
]);
const runner = await gateway.startRunner();

beforeEach(() => {
  runner.behaviour = (invocation) => invocation.answer(200, [], "ok");
});

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const reasonOf = (answer: string) => /"reason":"(\w+)"/.exec(answer)?.[1];
const get = (headers: string, target = "/hello") => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;
const host = `Host: ${HOST}\r\n`;
const close = "Connection: close\r\n";
const last = () => runner.invocations.at(-1)!.invoke;
const headersOf = (flat: readonly string[]) =>
  Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2], flat[at * 2 + 1]]));

test("a plain request is served", async () => {
  const answer = await gateway.sendRaw(get(host + close));
  assert.equal(statusOf(answer), 200);
  assert.match(answer, /\r\nx-millrace-request-id: [0-9a-f]{32}\r\n/);
});

const REFUSED: Record<string, string> = {
  "two Host headers": get(`${host}Host: other\r\n`),
  "two Host headers that are equal": get(host + host),
  "no Host": get(""),
  "an empty Host": get("Host:\r\n"),
  "a Host with a user": get("Host: a@b\r\n"),
  "a Host with a path": get("Host: a/b\r\n"),
  "an absolute target for another host": get(host, "http://evil.example/hello"),
  "an asterisk as target": get(host, "*"),
  "a fragment in the target": get(host, "/hello#x"),
  "a header name with an underscore": get(`${host}X_Forwarded_For: 1.2.3.4\r\n`),
  "two Authorization headers": get(`${host}Authorization: a\r\nAuthorization: b\r\n`),
  "two X-Amz-Date headers": get(`${host}X-Amz-Date: a\r\nX-Amz-Date: b\r\n`),
  "two Content-Type headers": get(`${host}Content-Type: a\r\nContent-Type: b\r\n`),
  "a transfer encoding before chunked": get(`${host}Transfer-Encoding: identity, chunked\r\n`),
  "a transfer encoding that is not chunked": get(`${host}Transfer-Encoding: gzip\r\n`),
  "chunked with HTTP/1.0": `POST /hello HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "Content-Length with Transfer-Encoding": `POST /hello HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "two lengths": `POST /hello HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  "a folded header": get(`${host}X-A: b\r\n c\r\n`),
  "a bare line feed": `GET /hello HTTP/1.1\n${host}\r\n`,
  "no HTTP at all": "hello\r\n\r\n",
  "an unknown method": `BREW /hello HTTP/1.1\r\n${host}\r\n`,
  "dot segments": get(host, "/all/%2e%2e/hello"),
  "an escaped slash": get(host, "/all/a%2fb"),
  "an empty segment": get(host, "//evil.example/hello"),
  "an unknown expectation": get(`${host}Expect: the-unexpected\r\n`),
};

for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`${what}: 400 request_malformed, in the one form, and nothing reaches a function`, async () => {
    const before = runner.invocations.length;
    const answer = await gateway.sendRaw(bytes.replace("\r\n\r\n", `\r\n${close}\r\n`));
    assert.deepEqual([statusOf(answer), reasonOf(answer)], [400, "request_malformed"]);
    assert.match(answer, /content-type: application\/problem\+json/);
    assert.match(answer, /"requestId":"[0-9a-f]{32}"/);
    assert.equal(runner.invocations.length, before);
  });
}

test("an absolute target for the Host itself is served", async () => {
  assert.equal(statusOf(await gateway.sendRaw(get(host + close, `http://${HOST}/hello`))), 200);
});

test("HTTP/1.0 without a Host is served by the path form", async () => {
  assert.equal(statusOf(await gateway.sendRaw(`GET /~${LABEL}/online/hello HTTP/1.0\r\n\r\n`)), 200);
});

test("100 headers are served, 101 are refused; none is dropped without a word", async () => {
  const lines = (count: number) => Array.from({ length: count }, (_, at) => `x-h${at}: 1\r\n`).join("");
  assert.equal(statusOf(await gateway.sendRaw(get(host + close + lines(98)))), 200);
  const answer = await gateway.sendRaw(get(host + close + lines(99)));
  assert.deepEqual([statusOf(answer), reasonOf(answer)], [431, "headers_too_large"]);
  assert.equal(reasonOf(await gateway.sendRaw(get(host + close + lines(1_200)))), "headers_too_large");
});

test("headers over 16 KiB: 431 headers_too_large", async () => {
  const answer = await gateway.sendRaw(get(`${host}X-Long: ${"a".repeat(17 * 1024)}\r\n`));
  assert.deepEqual([statusOf(answer), reasonOf(answer)], [431, "headers_too_large"]);
});

test("a target of 8 KiB is served; longer ones, far longer ones too, get 414 uri_too_long", async () => {
  const target = (length: number) => `/all/${"a".repeat(length - 5)}`;
  assert.equal(statusOf(await gateway.sendRaw(get(host + close, target(8 * 1024)))), 200);
  for (const length of [8 * 1024 + 1, 40 * 1024]) {
    const answer = await gateway.sendRaw(get(host + close, target(length)));
    assert.deepEqual([statusOf(answer), reasonOf(answer)], [414, "uri_too_long"], String(length));
  }
});

test("a declared body over 10 MiB: 413 body_too_large before it is read, and the connection closes", async () => {
  const answer = await gateway.sendRaw(`POST /hello HTTP/1.1\r\n${host}Content-Length: ${10 * 1024 ** 2 + 1}\r\n\r\n`);
  assert.deepEqual([statusOf(answer), reasonOf(answer)], [413, "body_too_large"]);
  assert.match(answer, /connection: close/i);
});

test("a chunked body that outgrows 10 MiB: 413 body_too_large, and the function is cancelled", async () => {
  runner.behaviour = (invocation) => invocation.accept();
  const piece = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(64 * 1024, 97), Buffer.from("\r\n")]);
  const head = Buffer.from(`POST /hello HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
  const answer = await gateway.sendRaw(Buffer.concat([head, ...Array.from({ length: 190 }, () => piece)]));
  assert.deepEqual([statusOf(answer), reasonOf(answer)], [413, "body_too_large"]);
  assert.equal(await runner.invocations.at(-1)!.cancelled.promise, 1);
});

test("a caller that waits for 100 Continue is told to go on only when the body is wanted", async () => {
  const expect = "Expect: 100-continue\r\nContent-Length: 2\r\n";
  const wanted = await gateway.sendRaw(`POST /hello HTTP/1.1\r\n${host}${close}${expect}\r\nhi`);
  assert.match(wanted, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
  const unwanted = await gateway.sendRaw(`POST /nowhere HTTP/1.1\r\n${host}${close}${expect}\r\nhi`);
  assert.match(unwanted, /^HTTP\/1\.1 404/);
});

test("a head that does not come to its end is answered and the connection closed", async () => {
  const answer = await gateway.sendRaw(`GET /hello HTTP/1.1\r\n${host}`);
  assert.deepEqual([statusOf(answer), reasonOf(answer)], [400, "request_malformed"]);
});

test("what claims to come from a gateway or a proxy is replaced by our own", async () => {
  const claims = [
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 1",
    "Forwarded: for=6.6.6.6",
    "X-Real-IP: 6.6.6.6",
    "X-JDCloud-Pin: YWRtaW4=",
    "X-JDCloud-UserId: admin",
    "X-Millrace-Anything: 1",
    "X-Mine: kept",
  ];
  await gateway.sendRaw(get(`${host}${close}${claims.join("\r\n")}\r\n`));
  const headers = headersOf(last().headers);
  assert.deepEqual(
    Object.keys(headers).sort(),
    ["host", "traceparent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-mine"].sort(),
  );
  assert.deepEqual(
    [headers["x-forwarded-for"], headers["x-forwarded-host"], headers["x-forwarded-proto"]],
    ["127.0.0.1", HOST, "http"],
  );
});

test("hop-by-hop headers stay on their hop, also those that Connection names", async () => {
  const hop = [
    "Connection: close, X-Secret-Hop",
    "X-Secret-Hop: 1",
    "Keep-Alive: 5",
    "TE: trailers",
    "Proxy-Authorization: a",
    "Upgrade: h2c",
  ];
  await gateway.sendRaw(get(`${host}${hop.join("\r\n")}\r\n`));
  const names = Object.keys(headersOf(last().headers));
  assert.ok(!names.some((name) => /connection|hop|keep|^te$|proxy-auth|upgrade/.test(name)), names.join());

  runner.behaviour = (invocation) =>
    invocation.answer(
      200,
      ["connection", "x-inner", "x-inner", "1", "transfer-encoding", "chunked", "content-length", "99", "x-outer", "1"],
      "ok",
    );
  const answer = await gateway.sendRaw(get(host + close));
  assert.match(answer, /x-outer: 1/);
  assert.doesNotMatch(answer, /x-inner|transfer-encoding|content-length: 99/i);
  assert.match(answer, /content-length: 2\r\n/);
});

test("the console's session, which browsers bring along on a shared host, reaches no function and is set by none", async () => {
  const setCookies = ["set-cookie", "millrace_session=evil; Path=/", "set-cookie", "mine=1"];
  runner.behaviour = (invocation) => invocation.answer(200, setCookies, "");
  const cookie = "a=1; millrace_session=mrs_secret; __Host-millrace_session=mrs_other; my_millrace_session=2";
  const answer = await gateway.ask({ headers: { cookie } });
  assert.equal(headersOf(last().headers).cookie, "a=1; my_millrace_session=2");
  assert.deepEqual(answer.headers["set-cookie"], ["mine=1"]);
});

test("repeated headers of a response stay apart", async () => {
  runner.behaviour = (invocation) => invocation.answer(200, ["set-cookie", "a=1", "set-cookie", "b=2"], "");
  const answer = await gateway.ask();
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
});

test("a caller's trace goes on with a span of our own; a broken one is replaced", async () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  await gateway.ask({ headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
  assert.match(last().traceparent, new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
  // The runner's span is below the call's, and the function's below that.
  const { traceId, spanId } = readTraceparent(last().traceparent)!;
  const own = writeTraceparent({ traceId, spanId: spanBelow(spanId), sampled: true });
  assert.equal(headersOf(last().headers).traceparent, own);
  for (const broken of [
    "",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    `ff-${trace}-b7ad6b7169203331-01`,
    "x",
  ]) {
    await gateway.ask({ headers: { traceparent: broken } });
    assert.match(last().traceparent, /^00-(?!0af7|0{32})[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  }
});

test("a caller's tracestate goes on in one line, and ends with a trace that cannot be gone on with", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  await gateway.ask({ headers: { traceparent, tracestate: ["one=1", "two=2"] } });
  assert.equal(headersOf(last().headers).tracestate, "one=1,two=2");
  await gateway.ask({ headers: { traceparent: "broken", tracestate: "one=1" } });
  assert.equal(headersOf(last().headers).tracestate, undefined);
});

test("each request leaves one line, without query or credential", async () => {
  const answer = await gateway.ask({
    path: "/hello?token=sesame",
    headers: { authorization: "open-sesame", "user-agent": "ua" },
  });
  const requestId = answer.headers["x-millrace-request-id"];
  const line = await until(() => gateway.lines.find((one) => one.requestId === requestId));
  assert.equal(JSON.stringify(line).includes("sesame"), false);
  const { status, reason, method, path, api, runner: at, deployment, environment, userAgent, bytesOut } = line;
  assert.deepEqual(
    { status, reason, method, path, api, at, deployment, environment, userAgent, bytesOut },
    {
      status: 200,
      reason: "",
      method: "GET",
      path: "/hello",
      api: "getHello",
      at: "runner-1",
      deployment: "projects/p/groups/g/deployments/online",
      environment: "online",
      userAgent: "ua",
      bytesOut: 2,
    },
  );
});

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FLAG } from "@millrace/frames";
import { until } from "@millrace/testing";
import { HELLO, HOST, LABEL, startGateway } from "../testing/gateway-fixture.ts";

// The life of a request over HTTP, without a credential.

const gateway = await startGateway({ after });
const hello = { $case: "function" as const, value: HELLO };
const mock = {
  $case: "mock" as const,
  value: { status: 201, headers: { "x-mock": "1" }, body: Buffer.from("mocked") },
};
const ROUTES = [
  { apiName: "getHello", apiUid: "api-1", method: "GET", path: "/hello", backend: hello },
  { apiName: "postHello", method: "POST", path: "/hello", backend: hello },
  { apiName: "pet", method: "GET", path: "/pets/{petId}", backend: hello },
  { apiName: "mock", method: "GET", path: "/mock", backend: mock },
  { apiName: "empty", method: "GET", path: "/empty", backend: { $case: "mock" as const, value: { status: 204 } } },
  {
    apiName: "live",
    method: "GET",
    path: "/live",
    backend: { $case: "function" as const, value: { ...HELLO, target: { $case: "alias" as const, value: "live" } } },
  },
];
await gateway.putVersion();
await gateway.release(ROUTES);
const runner = await gateway.startRunner();

beforeEach(() => {
  runner.behaviour = (invocation) => invocation.answer(200, [], "ok");
});

const last = () => runner.invocations.at(-1)!.invoke;

test("a function gets the request as a neutral frame", async () => {
  const answer = await gateway.ask({ path: "/pets/r%c3%a9x%7e?a=1&b=%20", headers: { "x-mine": "v" } });
  assert.deepEqual([answer.status, answer.body, answer.headers["content-length"]], [200, "ok", "2"]);
  const {
    method,
    target,
    pathParameters,
    sourceIp,
    protocol,
    scheme,
    functionKey,
    requestId,
    attempt,
    depth,
    identity,
  } = last();
  assert.deepEqual(
    { method, target, pathParameters, sourceIp, protocol, scheme, functionKey, attempt, depth, identity },
    {
      method: "GET",
      target: "/pets/r%C3%A9x~?a=1&b=%20",
      pathParameters: ["petId", "réx~"],
      sourceIp: "127.0.0.1",
      protocol: "HTTP/1.1",
      scheme: "http",
      functionKey: "fn-hello@1",
      attempt: 1,
      depth: 0,
      identity: { keyId: "", accountId: "", authType: "" },
    },
  );
  assert.equal(requestId, answer.headers["x-millrace-request-id"]);
  assert.deepEqual(JSON.parse(last().route), {
    groupName: "g",
    revision: "0.0.1",
    ownerPin: "cA==",
    environment: "online",
    region: "local-1",
    hostLabel: LABEL,
    apiUid: "",
    apiName: "pet",
    resource: "/pets/{petId}",
    eventFormat: "jd",
  });
});

test("the path form reaches the same deployment, and the function does not see it", async () => {
  const answer = await gateway.ask({ host: "127.0.0.1", path: `/~${LABEL}/online/pets/1?x=1` });
  assert.equal(answer.status, 200);
  assert.equal(last().target, "/pets/1?x=1");
});

test("a host of the platform that is no deployment's falls back to the path form", async () => {
  const host = "zzzzzzzzzzzz.local-1.localhost";
  assert.equal((await gateway.ask({ host, path: `/~${LABEL}/online/hello` })).status, 200);
  assert.equal((await gateway.ask({ host })).problem.reason, "no_deployment");
});

test("no deployment, no route and no method each have their reason", async () => {
  const cases = [
    [{ host: "localhost" }, 404, "no_deployment"],
    [{ host: "localhost", path: `/~${LABEL}/test/hello` }, 404, "no_deployment"],
    [{ path: "/nowhere" }, 404, "no_route"],
    [{ path: "/pets/" }, 404, "no_route"],
    [{ path: "/hello/" }, 404, "no_route"],
    [{ method: "DELETE" }, 405, "method_not_allowed"],
  ] as const;
  for (const [ask, status, reason] of cases) {
    const answer = await gateway.ask(ask);
    assert.deepEqual([answer.status, answer.problem.reason, answer.problem.component], [status, reason, "gateway"]);
    assert.equal(answer.problem.requestId, answer.headers["x-millrace-request-id"]);
  }
  assert.equal((await gateway.ask({ method: "DELETE" })).headers.allow, "GET, HEAD, POST");
});

test("test and preview say where an answer's time went, and online says nothing", async () => {
  for (const environment of ["test", "preview"]) {
    await gateway.release(ROUTES, { environment });
    runner.behaviour = (invocation) => invocation.accept().answer(200, ["server-timing", "db;dur=5"], "ok");
    const posted = await gateway.ask({ method: "POST" });
    assert.match(
      String(posted.headers["server-timing"]),
      /^db;dur=5, queue;dur=\d+\.\d, dispatch;dur=\d+\.\d, function;dur=\d+\.\d$/,
    );
    runner.behaviour = (invocation) => void delay(30).then(() => invocation.head(200, [], "", true, FLAG.cold));
    const cold = String((await gateway.ask()).headers["server-timing"]);
    const [, functionMs] = /^queue;dur=[\d.]+, function;dur=([\d.]+), cold;desc="[\w ]+"$/.exec(cold) ?? [];
    assert.ok(Number(functionMs) >= 29, cold);
    assert.equal((await gateway.ask({ path: "/mock" })).headers["server-timing"], undefined);
  }
  await gateway.release(ROUTES);
  assert.equal((await gateway.ask()).headers["server-timing"], undefined);
});

test("an offline deployment answers deployment_offline, and serves again when it is back", async () => {
  await gateway.release(ROUTES, { state: 2 });
  const answer = await gateway.ask();
  assert.deepEqual(
    [answer.status, answer.problem.reason, answer.problem.error],
    [403, "deployment_offline", { code: 403, status: "HTTP_FORBIDDEN", message: "The deployment is offline." }],
  );
  await gateway.release(ROUTES);
  assert.equal((await gateway.ask()).status, 200);
});

test("a deployment whose snapshot has not come is asked for again, not unknown", async () => {
  const hostLabel = "mmmmmmmmmmmm";
  const host = `${hostLabel}.local-1.localhost`;
  await gateway.release([{ apiName: "bad", method: "GET", path: "no-slash", backend: mock }], { hostLabel });
  const answer = await gateway.ask({ host });
  assert.deepEqual([answer.status, answer.problem.reason, answer.headers["retry-after"]], [503, "overloaded", "1"]);
});

test("HEAD is served by GET's route, without a body and with its length", async () => {
  const answer = await gateway.ask({ method: "HEAD" });
  assert.deepEqual([answer.status, answer.body, answer.headers["content-length"]], [200, "", "2"]);
  assert.equal(last().method, "HEAD");
});

test("a mock answers at the gateway", async () => {
  const before = runner.invocations.length;
  const answer = await gateway.ask({ path: "/mock" });
  assert.deepEqual([answer.status, answer.body, answer.headers["x-mock"]], [201, "mocked", "1"]);
  const empty = await gateway.ask({ path: "/empty" });
  assert.deepEqual([empty.status, empty.headers["content-length"]], [204, undefined]);
  assert.equal(runner.invocations.length, before);
});

test("a function that fails is told apart from a platform that fails", async () => {
  const cases = [
    ["function_error", 502, "function_error", "function"],
    ["function_init_failed", 502, "function_init_failed", "function"],
    ["function_response_invalid", 502, "function_response_invalid", "function"],
    ["function_out_of_memory", 502, "function_out_of_memory", "function"],
    ["function_quarantined", 503, "function_quarantined", "function"],
    ["function_timeout", 504, "function_timeout", "function"],
    ["instance_lost", 502, "instance_lost", "runner"],
    ["never_heard_of", 500, "internal", "gateway"],
  ] as const;
  for (const [said, status, reason, component] of cases) {
    runner.behaviour = (invocation) => invocation.accept().fail(said, "what a caller may read");
    const { problem, ...answer } = await gateway.ask();
    assert.deepEqual([answer.status, problem.reason, problem.component], [status, reason, component]);
    assert.equal(problem.detail, "what a caller may read");
  }
});

test("a response that HTTP cannot carry answers function_response_invalid and cancels the function", async () => {
  const heads: [number, string[]][] = [
    [199, []],
    [600, []],
    [200, ["bad name", "x"]],
    [200, ["x-split", "a\r\nx-injected: 1"]],
    [200, ["x-long", "a".repeat(8 * 1024 + 1)]],
  ];
  for (const [status, headers] of heads) {
    runner.behaviour = (invocation) => invocation.accept().head(status, headers, "x");
    const answer = await gateway.ask();
    assert.deepEqual([answer.status, answer.problem.reason], [502, "function_response_invalid"]);
    assert.equal(answer.headers["x-injected"], undefined);
    await runner.invocations.at(-1)!.cancelled.promise;
  }
});

test("a response that fails midway breaks the connection, so that a part is never taken for the whole", async () => {
  runner.behaviour = (invocation) => {
    invocation.accept().head(200, ["content-type", "text/plain"], "half");
    void delay(20).then(() => invocation.fail("function_error", "later"));
  };
  await assert.rejects(gateway.ask(), /aborted|ECONNRESET/);
  const { requestId } = last();
  const line = await until(() => gateway.lines.find((one) => one.requestId === requestId));
  assert.deepEqual([line.status, line.reason], [200, "function_error"]);
});

test("functions that call each other too deep are stopped", async () => {
  assert.equal((await gateway.ask({ headers: { "x-millrace-depth": "7" } })).status, 200);
  assert.equal(last().depth, 7);
  const answer = await gateway.ask({ headers: { "x-millrace-depth": "8" } });
  assert.deepEqual([answer.status, answer.problem.reason], [503, "overloaded"]);
});

test("an alias that moves changes the version at once; one that points nowhere answers no_runner", async () => {
  assert.equal((await gateway.ask({ path: "/live" })).problem.reason, "no_runner");
  await gateway.putAlias({ generation: 1, targets: [{ version: 1, weight: 1 }] });
  await until(async () => (await gateway.ask({ path: "/live" })).status === 200);
  await gateway.putVersion({ version: 2 });
  await gateway.putAlias({ generation: 2, targets: [{ version: 2, weight: 1 }] });
  await until(async () => {
    await gateway.ask({ path: "/live" });
    return last().functionKey === "fn-hello@2";
  });
});

test("a switch and a switch back take effect within a second", async () => {
  const before = ROUTES.filter(({ path }) => path !== "/hello");
  const started = performance.now();
  await gateway.release(before);
  assert.equal((await gateway.ask()).problem.reason, "no_route");
  await gateway.release(ROUTES);
  assert.equal((await gateway.ask()).status, 200);
  assert.ok(performance.now() - started < 1_000);
});

test("an answer that is drained closes its connection", async (t) => {
  const draining = await startGateway(t);
  await draining.release([{ apiName: "mock", method: "GET", path: "/mock", backend: mock }]);
  draining.app.beginDrain();
  const answer = await draining.ask({ path: "/mock", headers: { connection: "keep-alive" } });
  assert.equal(answer.headers.connection, "close");
  await draining.app.drain();
  await assert.rejects(draining.ask({ path: "/mock" }), /ECONNREFUSED/);
});

test("the Host is taken in any case and with a port", async () => {
  assert.equal((await gateway.ask({ host: `${HOST.toUpperCase()}:8080` })).status, 200);
});

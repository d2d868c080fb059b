import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { type CallOptions, startTestRunner } from "../runner-fixture.ts";

const runner = await startTestRunner(test);

const respond = (result: string) => runner.deploy(`export const handler = async () => (${result});`);
const call = (code: string, options?: CallOptions) => runner.call(runner.deploy(code), options);

test("async, sync, callback, module.exports and a default function are all handlers", async () => {
  const shapes = {
    async: `export async function handler() { return { statusCode: 201 }; }`,
    sync: `export function handler() { return { statusCode: 201 }; }`,
    callback: `export function handler(event, context, callback) { setTimeout(callback, 1, null, { statusCode: 201 }); }`,
    "default object": `export default { handler: async () => ({ statusCode: 201 }) };`,
    "default function": `export default async () => ({ statusCode: 201 });`,
  };
  for (const [name, code] of Object.entries(shapes)) assert.equal((await call(code)).status, 201, name);
});

test("a callback's error is function_error", async () => {
  const code = `export function handler(event, context, callback) { callback(new Error("no")); }`;
  assert.equal((await call(code)).failed, "function_error");
});

test("a named export is the handler when the function says so", async () => {
  const record = runner.deploy(`export const run = async () => ({ statusCode: 202 });`, { handler: "run" });
  assert.equal((await runner.call(record)).status, 202);
});

test("a result becomes a response: headers of all kinds, cookies, base64", async () => {
  const answer = await runner.call(
    respond(`{
      statusCode: "207",
      headers: { "X-One": "1", "X-Number": 2, "X-Replaced": "single", "Content-Length": "999", "Transfer-Encoding": "chunked" },
      multiValueHeaders: { "x-replaced": ["a", "b"] },
      cookies: ["a=1", "b=2"],
      body: Buffer.from([0, 255, 1]).toString("base64"),
      isBase64Encoded: true,
    }`),
  );
  assert.equal(answer.status, 207);
  assert.deepEqual(answer.headers, {
    "x-one": ["1"],
    "x-number": ["2"],
    "x-replaced": ["a", "b"],
    "set-cookie": ["a=1", "b=2"],
    "content-length": ["999"],
    "content-type": ["text/plain; charset=utf-8"],
  });
  assert.deepEqual([...answer.body], [0, 255, 1]);
});

test("what is no response is function_response_invalid, and the log says why", async () => {
  const invalid = {
    undefined: /must return an object with a statusCode; it returned undefined/,
    '"text"': /it returned "text"/,
    "[]": /it returned an array/,
    "{}": /it returned an object/,
    "{ statusCode: 99 }": /from 200 to 599, not 99/,
    "{ statusCode: 200.5 }": /not 200.5/,
    "{ statusCode: 200, body: { a: 1 } }": /The body must be a string, not an object/,
    "{ statusCode: 200, headers: [] }": /headers must be an object, not an array/,
    '{ statusCode: 200, headers: { "a b": "1" } }': /header "a b" has a name or a value that HTTP forbids/,
    '{ statusCode: 200, headers: { a: "1\\r\\nx: 2" } }': /HTTP forbids/,
    '{ statusCode: 200, headers: { a: "x".repeat(70000) } }': /headers are over/,
    '{ statusCode: 200, cookies: "a=1" }': /cookies must be an array/,
  };
  for (const [result, why] of Object.entries(invalid)) {
    const before = runner.lines().length;
    const answer = await runner.call(respond(result));
    assert.equal(answer.failed, "function_response_invalid", result);
    const lines = runner.lines().slice(before);
    assert.ok(
      lines.some((line) => why.test(line)),
      `${result}: ${lines}`,
    );
  }
});

test("with AWS' format 2.0 whatever else is returned is the JSON of a 200", async () => {
  const options = { route: { eventFormat: "aws-2" } };
  const object = await runner.call(respond(`{ pets: [1] }`), options);
  assert.equal(object.status, 200);
  assert.deepEqual(object.headers["content-type"], ["application/json"]);
  assert.equal(object.body.toString(), `{"pets":[1]}`);
  assert.equal((await runner.call(respond(`"text"`), options)).body.toString(), "text");
});

test("the context says who, how long and how much", async () => {
  const code = `export async function handler(event, context) {
    return { statusCode: 200, body: JSON.stringify({ ...context, left: context.getRemainingTimeInMillis(), aborted: context.signal.aborted }) };
  }`;
  const { left, ...context } = JSON.parse((await call(code)).body.toString());
  assert.ok(left > 1_000 && left <= 3_000, `${left}`);
  assert.deepEqual(context, {
    requestId: "request-1",
    functionName: "greet",
    functionVersion: "1",
    memoryLimitInMB: 128,
    aborted: false,
  });
  const lambda = JSON.parse((await call(code, { route: { eventFormat: "aws-1" } })).body.toString());
  assert.equal(lambda.awsRequestId, "request-1");
  assert.equal(lambda.callbackWaitsForEmptyEventLoop, true);
  assert.match(lambda.invokedFunctionArn, /greet:1$/);
});

test("waitUntil outlives the response, keeps the slot, and its failure is logged", async () => {
  const code = `export async function handler(event, context) {
    context.waitUntil(new Promise((resolve) => setTimeout(resolve, 150)).then(() => { console.log("late work"); throw new Error("late failure"); }));
    return { statusCode: 200 };
  }`;
  assert.equal((await call(code)).status, 200);
  assert.equal(runner.placing.slotsBusy, 1);
  await until(() => runner.placing.slotsBusy === 0);
  const lines = runner.lines();
  assert.ok(lines.includes("info: late work"));
  assert.ok(lines.some((line) => line.startsWith("error: Error: late failure")));
});

test("levels and kinds of output reach the log under their request's id", async () => {
  const code = `export async function handler() {
    console.debug("a"); console.info("b %d", 2); console.warn({ c: 3 }); console.error(new Error("d")); console.table([[1]]);
    process.stdout.write("e\\n"); process.stderr.write("f");
    return { statusCode: 200 };
  }`;
  await call(code, { requestId: "request-77" });
  const batch = runner.published.findLast(({ requestId }) => requestId === "request-77")!;
  const lines = batch.lines.map(({ level, message }) => `${level}: ${message.split("\n")[0]}`);
  assert.deepEqual(lines.slice(0, 4), ["debug: a", "info: b 2", "warn: { c: 3 }", "error: Error: d"]);
  assert.match(batch.lines[3]!.message, /at handler \(index\.mjs:2:/);
  assert.deepEqual(lines.slice(5, 7), ["info: e", "error: f"]);
  const { status, reason, cold, cpuUs = 0, memoryKib = 0, ...outcome } = batch.outcome!;
  assert.deepEqual([status, reason, cold], [200, "", true]);
  for (const number of [cpuUs, memoryKib, outcome.durationMs, outcome.waitMs, outcome.bytesIn, outcome.bytesOut]) {
    assert.ok(number > 0);
  }
  assert.deepEqual([batch.project, batch.functionId, batch.version], ["shop", "greet", 1]);
});

test("exactly one call at a time runs in an instance of a handler", async () => {
  const record = runner.deploy(`
    let running = 0, most = 0;
    export async function handler() {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return { statusCode: 200, body: String(most) };
    }`);
  const answers = await Promise.all(Array.from({ length: 8 }, () => runner.call(record)));
  assert.deepEqual(
    answers.map(({ body }) => body.toString()),
    Array(8).fill("1"),
  );
});

test("a ninth call at eight slots is rejected as busy, and an unknown function as unknown", async () => {
  const small = await startTestRunner(test, { slots: 8 });
  const record = small.deploy(
    `export const handler = () => new Promise((resolve) => setTimeout(resolve, 300, { statusCode: 200 }));`,
  );
  const calls = Array.from({ length: 9 }, () => small.call(record));
  assert.equal((await calls[8]!).rejected, "busy");
  assert.equal((await calls[0]!).status, 200);
  await Promise.all(calls);
  assert.equal((await small.call({ ...record, version: 9 })).rejected, "unknownFunction");
  assert.equal(await small.placing.drained(1_000), true);
  assert.equal((await small.call(record)).rejected, "draining");
});

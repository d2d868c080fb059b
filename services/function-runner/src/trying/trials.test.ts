import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TrialRequest, type TrialResult } from "@millrace/proto/invocation/v1/invocation";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { functionKey } from "../functions/function-version.ts";
import { TRIAL_LIMITS } from "../limits.ts";
import { startTestRunner } from "../runner-fixture.ts";

const runner = await startTestRunner({ after });
let requests = 0;

function requestOf(record: FunctionVersionRecord, given: Partial<TrialRequest> = {}): TrialRequest {
  return TrialRequest.fromPartial({
    requestId: `test-${++requests}`,
    project: record.project,
    region: "local-1",
    functionKey: functionKey(record),
    timeoutMs: 5_000,
    eventFormat: "jd",
    input: { $case: "event", value: Buffer.from("{}") },
    ...given,
  });
}

async function tried(record: FunctionVersionRecord, given?: Partial<TrialRequest>): Promise<TrialResult> {
  const { outcome } = await runner.trials.try(requestOf(record, given));
  assert.equal(outcome?.$case, "result", JSON.stringify(outcome));
  return outcome!.value as TrialResult;
}

const event = (value: unknown): Partial<TrialRequest> => ({
  input: { $case: "event", value: Buffer.from(JSON.stringify(value)) },
});
const json = (result: TrialResult) => JSON.parse(Buffer.from(result.body).toString()) as unknown;
const messages = ({ lines }: TrialResult) => lines.map(({ level, message }) => `${level}: ${message}`);

/** Not on the bus: known only from the request. */
function draftOf(code: string, version = -1, options: Partial<FunctionVersionRecord> = {}): FunctionVersionRecord {
  const record = runner.deploy(code, options);
  return { ...record, version };
}

test("an event is handed over as it is, and what is returned comes back, with what it cost", async () => {
  const record = runner.deploy(
    "export const handler = (event, context) => { console.log('hello', event.name); return { event, v: context.functionVersion }; }",
  );
  const cold = await tried(record, event({ name: "Ada", n: [1, null] }));
  assert.deepEqual(json(cold), { event: { name: "Ada", n: [1, null] }, v: "1" });
  assert.deepEqual(messages(cold), ["info: hello Ada"]);
  assert.equal(cold.outcome?.cold, true);
  assert.ok(cold.outcome!.durationMs > 0 && cold.outcome!.cpuUs! >= 0 && cold.outcome!.memoryKib! > 0);
  const warm = await tried(record, event({ name: "Bob" }));
  assert.equal(warm.outcome?.cold, false);
  assert.equal(warm.outcome?.reason, "");
});

test("any JSON may come and be returned", async () => {
  const record = runner.deploy("export const handler = (event) => event");
  for (const value of [null, 7, "text", [1], {}]) assert.deepEqual(json(await tried(record, event(value))), value);
  const nothing = runner.deploy("export const handler = async () => undefined");
  assert.equal(json(await tried(nothing, event({}))), null);
});

test("a draft runs under its name LATEST, again in the same instance, and a changed one in another", async () => {
  const code = (word: string) =>
    `let n = 0; export const handler = (e, context) => [context.functionVersion, "${word}", ++n]`;
  const first = draftOf(code("first"), -1, { functionUid: "fn-draft" });
  assert.deepEqual(json(await tried(first, { draft: first })), ["LATEST", "first", 1]);
  assert.deepEqual(json(await tried(first, { draft: first })), ["LATEST", "first", 2]);
  const second = draftOf(code("second"), -2, { functionUid: "fn-draft" });
  assert.deepEqual(json(await tried(second, { draft: second })), ["LATEST", "second", 1]);
  assert.equal(runner.trials.draft("fn-draft@-1"), undefined);
  assert.equal(runner.published.at(-1)?.version, 0);
});

test("a request becomes the event of the format that is asked for, and the answer is a response", async () => {
  const record = runner.deploy(
    "export const handler = (e) => ({ statusCode: 201, headers: { 'x-a': 'b' }, body: JSON.stringify(e.detail ?? e) })",
  );
  const call = {
    $case: "call",
    value: {
      method: "PUT",
      target: "/pets/7?x=1",
      pathParameters: { petId: "7" },
      headers: { "content-type": "text/plain" },
      body: Buffer.from("Bello"),
    },
  } as const;
  const jd = await tried(record, { input: call });
  assert.equal(jd.status, 201);
  assert.equal(jd.headers[jd.headers.indexOf("x-a") + 1], "b");
  const detail = json(jd) as Record<string, unknown>;
  assert.deepEqual(
    [detail.httpMethod, detail.path, detail.pathParameters, detail.body],
    ["PUT", "/pets/7", { petId: "7" }, "Bello"],
  );
  const aws = json(await tried(record, { input: call, eventFormat: "aws-2" })) as Record<string, unknown>;
  assert.deepEqual([aws.version, aws.rawPath, aws.rawQueryString], ["2.0", "/pets/7", "x=1"]);
  const fetcher = runner.deploy(
    "export default { fetch: async (r) => new Response(r.method + ' ' + (await r.text()), { status: 202 }) }",
    { shape: "fetch" },
  );
  const answer = await tried(fetcher, { input: call });
  assert.deepEqual([answer.status, Buffer.from(answer.body).toString()], [202, "PUT Bello"]);
});

test("what is thrown is told with its stack; so is what is wrong with a response, and with loading", async () => {
  const thrower = runner.deploy("export function handler() {\n  throw new TypeError('no such pet');\n}");
  const thrown = await tried(thrower);
  assert.equal(thrown.outcome?.reason, "function_error");
  assert.match(messages(thrown).at(-1)!, /^error: TypeError: no such pet\n +at handler \(index\.mjs:2:\d+\)/);

  const invalid = runner.deploy("export const handler = () => 'text'");
  const call = {
    $case: "call",
    value: { method: "GET", target: "/", pathParameters: {}, headers: {}, body: Buffer.alloc(0) },
  } as const;
  assert.equal((await tried(invalid, { input: call })).outcome?.reason, "function_response_invalid");

  const broken = runner.deploy("throw new Error('not today'); export const handler = 1");
  const failed = await tried(broken);
  assert.equal(failed.outcome?.reason, "function_init_failed");
  assert.match(messages(failed).join("\n"), /not today/);
});

test("an answer over the bound is cut, and its function hears that nobody wants the rest", async () => {
  const record = runner.deploy("export const handler = () => 'x'.repeat(3_000_000)");
  const result = await tried(record);
  assert.equal(result.bodyTruncated, true);
  assert.equal(result.body.length, TRIAL_LIMITS.bodyBytesMax);
  assert.equal(result.outcome?.reason, "");
});

test("of what is printed outside calls no more is kept than of what a call prints, whatever an instance sends", async () => {
  const record = runner.deploy("export const handler = () => new Promise(() => {})", { timeoutMs: 500 });
  const running = tried(record);
  for (let line = 0; line < 100; line++) runner.trials.printed(record, "info", Buffer.alloc(400 * 1024, "x"));
  for (let line = 0; line < 20; line++) runner.trials.printed(record, "info", Buffer.from(`line ${line}`));
  const { lines, linesDropped } = await running;
  assert.deepEqual([lines.filter(({ level }) => level === "info").length, linesDropped], [0, 120]);
});

test("a call ends with its time, and one too many is refused at once", async () => {
  const record = runner.deploy("export const handler = () => new Promise(() => {})", { timeoutMs: 300 });
  const running = Array.from({ length: TRIAL_LIMITS.openMax }, () => tried(record));
  const { outcome } = await runner.trials.try(requestOf(record));
  assert.deepEqual(outcome, { $case: "rejection", value: "busy" });
  for (const { outcome } of await Promise.all(running)) assert.equal(outcome?.reason, "function_timeout");
});

test("a version that nobody knows is refused", async () => {
  const unknown = { ...runner.deploy("export const handler = () => 1"), functionUid: "fn-gone" };
  const { outcome } = await runner.trials.try(requestOf(unknown));
  assert.deepEqual(outcome, { $case: "rejection", value: "unknownFunction" });
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  EventKind,
  FunctionTestServiceService,
  type InvokeFunctionRequest,
} from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import type { TrialResponse } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { pickTarget } from "../functions/alias.ts";
import { LIMITS } from "../limits.ts";
import { createFunction, createProject, upload } from "../testing/calls.ts";
import { refused, refusedFields } from "../testing/expect.ts";
import { startTestBuilder } from "../testing/test-builder.ts";
import { startControlPlane } from "../testing/test-control-plane.ts";
import { startTestTrier } from "../testing/test-trier.ts";

const { client, bus, openSecret } = await startControlPlane({ after });
startTestBuilder(bus);
const trier = startTestTrier(bus);
await createProject(client, "shop");
const service = FunctionTestServiceService;
const { name } = await createFunction(client, "shop", "pets", {
  secrets: { KEY: "canary-77" },
  environment: { A: "b" },
});

const invoke = (request: Partial<InvokeFunctionRequest> = {}, options?: Parameters<typeof client.call>[2]) =>
  client.call(service.invokeFunction, { name, qualifier: "", event: undefined, ...request }, options);
const given = (body: string, kind: EventKind = 0) => ({ event: { $case: "given", value: { kind, body } } }) as const;
const publish = () => client.call(FunctionServiceService.publishVersion, { name, description: "" });

async function answering(answer: TrialResponse["outcome"], work: () => Promise<unknown>) {
  trier.answer = answer;
  await work();
  trier.answer = undefined;
}

test("a function without code cannot be called", async () => {
  await refused(invoke(), "failed_precondition", "function_has_no_code");
  await refused(invoke({ qualifier: "1" }), "not_found", "version_not_found");
  await refused(invoke({ qualifier: "live" }), "not_found", "alias_not_found");
});

test("the draft is sent with all that it runs with, its secrets sealed, under another number when it has changed", async () => {
  await upload(client, name);
  const answer = await invoke(given('{"n":1}'));
  assert.equal(Buffer.from(answer.result).toString(), '{"n":1}');
  assert.deepEqual([answer.version, answer.status, answer.cold, answer.durationMs], [0, 0, true, 12.5]);
  assert.deepEqual([answer.cpuUs, answer.memoryKib, answer.memoryLimitMib, answer.error], [800, 9_000, 128, ""]);
  assert.deepEqual(
    answer.lines.map(({ message, function: id, requestId }) => [message, id, requestId]),
    [["hello", "pets", answer.requestId]],
  );
  const [sent] = trier.requests.splice(0);
  const { draft, functionKey } = sent!;
  assert.ok(draft!.version < 0);
  assert.equal(functionKey, `${draft!.functionUid}@${draft!.version}`);
  assert.deepEqual(draft!.environment, { A: "b" });
  assert.equal(openSecret(draft!.sealedSecrets.KEY!, `function-secret|${draft!.functionUid}|KEY`), "canary-77");
  await upload(client, name, "export const handler = 2");
  await invoke();
  assert.notEqual(trier.requests.splice(0)[0]!.functionKey, functionKey);
});

test("a version and an alias are called as they were published, whatever the draft is by now", async () => {
  const { number } = await publish();
  const alias = { parent: name, aliasId: "live", description: "", minInstances: 0, requestId: "" };
  await client.call(FunctionServiceService.createAlias, { ...alias, targets: [{ version: number, weight: 100 }] });
  for (const qualifier of [String(number), "live"]) {
    assert.equal((await invoke({ qualifier })).version, number);
    const [{ draft, functionKey }] = trier.requests.splice(0) as [(typeof trier.requests)[0]];
    assert.deepEqual([draft, functionKey.endsWith(`@${number}`)], [undefined, true]);
  }
  await refusedFields(invoke({ qualifier: "a b" }), ["qualifier"]);
});

test("an alias with two versions is called by its weights", () => {
  const targets = [
    { version: 1, weight: 90 },
    { version: 2, weight: 10 },
  ];
  assert.deepEqual(
    [0, 0.89, 0.9, 0.99].map((random) => pickTarget(targets, random)),
    [1, 1, 2, 2],
  );
  assert.equal(pickTarget([{ version: 7, weight: 100 }], 0.99), 7);
});

test("a stored event is used by its id; without one the function gets an example that fits it", async () => {
  const event = { parent: name, testEventId: "post", kind: EventKind.AWS_1, body: '{"a":1}', requestId: "" };
  await client.call(service.createTestEvent, event);
  trier.requests.splice(0);
  await invoke({ event: { $case: "testEvent", value: "post" } });
  await invoke();
  const [stored, example] = trier.requests.splice(0);
  assert.deepEqual([stored!.eventFormat, stored!.input?.$case], ["aws-1", "event"]);
  assert.deepEqual([example!.eventFormat, example!.input?.$case], ["jd", "event"]);
  const missing = invoke({ event: { $case: "testEvent", value: "none" } });
  await refused(missing, "not_found", "test_event_not_found");
  await refusedFields(invoke({ event: { $case: "testEvent", value: "" } }), ["test_event"]);
});

test("a request is taken apart, and its answer is a response", async () => {
  const request = { path: "/pets?x=1", method: "POST", headers: { "X-A": "b" }, body: "aGk=", isBase64Encoded: true };
  const answer = await invoke(given(JSON.stringify(request), EventKind.REQUEST));
  assert.deepEqual([answer.status, answer.headers], [200, [{ name: "content-type", value: "text/plain" }]]);
  assert.equal(Buffer.from(answer.result).toString(), "hi");
  const { input } = trier.requests.splice(0)[0]!;
  assert.equal(input?.$case, "call");
  assert.deepEqual(input?.$case === "call" && [input.value.method, input.value.target, input.value.headers], [
    "POST",
    "/pets?x=1",
    { "x-a": "b" },
  ]);
});

test("a fetch function takes requests only", async () => {
  const fetcher = await createFunction(client, "shop", "fetcher");
  await upload(client, fetcher.name, "export default { fetch() {} }");
  await refused(invoke({ name: fetcher.name, ...given("{}") }), "failed_precondition", "event_unfit");
  await invoke({ name: fetcher.name });
  assert.equal(trier.requests.splice(0)[0]?.input?.$case, "call");
});

test("bad events are refused by field before anything runs", async () => {
  await refusedFields(invoke(given("{")), ["given.body"]);
  await refusedFields(invoke(given(JSON.stringify("x".repeat(LIMITS.testEventBytesMax)))), ["given.body"]);
  await refusedFields(invoke(given("{}", 9 as EventKind)), ["given.kind"]);
  await refusedFields(invoke(given('{"path":"x"}', EventKind.REQUEST)), ["given.body.path"]);
  assert.equal(trier.requests.length, 0);
});

test("how the function fails is a result; that nobody runs it is an error", async () => {
  const failed: TrialResponse["outcome"] = {
    $case: "result",
    value: {
      ...{ status: 0, headers: [], body: Buffer.alloc(0), bodyTruncated: false, linesDropped: 0 },
      lines: [
        { time: new Date(), level: "info", message: "before" },
        { time: new Date(), level: "error", message: "Error: boom\n    at pets.ts:3:5" },
      ],
      outcome: {
        ...{ endTime: undefined, status: 0, reason: "function_error", durationMs: 1, waitMs: 0, cpuUs: undefined },
        ...{ cpuShared: false, memoryKib: undefined, cold: false, bytesIn: 0, bytesOut: 0 },
      },
    },
  };
  await answering(failed, async () => {
    const answer = await invoke();
    assert.deepEqual([answer.reason, answer.error], ["function_error", "Error: boom\n    at pets.ts:3:5"]);
    assert.equal(answer.cpuUs, undefined);
  });
  await answering({ $case: "rejection", value: "busy" }, () => refused(invoke(), "unavailable", "overloaded"));
  await answering({ $case: "rejection", value: "quarantined" }, () =>
    refused(invoke(), "failed_precondition", "function_quarantined"),
  );
});

test("a person has only so many calls at a time", async () => {
  trier.requests.splice(0);
  const held = Promise.withResolvers<TrialResponse["outcome"]>();
  trier.answer = held.promise;
  const running = Array.from({ length: LIMITS.trials.ofOneMax }, () => invoke());
  await until(() => trier.requests.length === LIMITS.trials.ofOneMax);
  await refused(invoke(), "resource_exhausted", "invocations_exhausted");
  held.resolve({ $case: "rejection", value: "draining" });
  await Promise.all(running.map((call) => refused(call, "unavailable", "overloaded")));
  trier.answer = undefined;
  await invoke();
});

test("only the project's own people may", async () => {
  await refused(invoke({}, { token: "eve" }), "not_found", "project_not_found");
  await createProject(client, "eves", { token: "eve" });
  await refused(invoke({ name: name.replace("shop", "eves") }, { token: "eve" }), "not_found", "function_not_found");
});

test("without a runner the call is refused at once", async () => {
  trier.stop();
  await bus.flush();
  await refused(invoke(), "unavailable", "no_runner");
});

/** One signed request, followed by its id through everything that tells of it. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AccessMode } from "@millrace/proto/control/v1/groups";
import { RequestServiceService } from "@millrace/proto/control/v1/requests";
import { until } from "@millrace/testing";
import { Cli } from "./support/cli.ts";
import { commandsIn, filesIn, readersShell } from "./support/documents.ts";
import { untilAnswer } from "./support/expect-answer.ts";
import type { Answer } from "./support/http.ts";
import { authorizeKey, createAccessKey, provision } from "./support/provision.ts";
import { sendSigned } from "./support/signed-call.ts";
import { testPlatform } from "./support/test-platform.ts";
import { type CollectedSpan, startTraceCollector } from "./support/trace-collector.ts";

const collector = await startTraceCollector();
const platform = await testPlatform({ telemetry: { ...collector.variables, MILLRACE_TRACES_SAMPLE_RATIO: "0" } });
const { rpc } = platform;
const home = mkdtempSync(join(tmpdir(), "millrace-home-"));
after(() => rmSync(home, { recursive: true }));
const cli = new Cli({ home, env: { MILLRACE_PLATFORM_FILE: platform.platformFile } });

const ORDERS = `export const handler = async ({ detail }, context) => {
  const order = await context.trace.span("store order", async (span) => {
    console.log("storing", context.requestId);
    return { item: detail.queryParameters.item };
  }, { "order.lines": 1 });
  if (order.item === "nothing") throw new Error("there is nothing to order");
  return { statusCode: 201, headers: {}, body: JSON.stringify({ order, traceId: context.trace.traceId }) };
};`;

const shop = await provision(rpc, {
  access: AccessMode.AUTHORIZED,
  functions: { orders: { code: ORDERS } },
  apis: { order: { method: "GET", path: "/orders", backend: "orders" } },
});
const key = await createAccessKey(rpc, shop.project);
await authorizeKey(rpc, shop.deployment().name, key.keyId);

/** The caller's own trace; a caller that samples says so. */
const CALLER_SPAN_ID = "00f067aa0ba902b7";
const traceparentOf = (traceId: string, sampled: boolean) => `00-${traceId}-${CALLER_SPAN_ID}-0${sampled ? 1 : 0}`;

function order(item: string, traceparent = ""): Promise<Answer> {
  return sendSigned({
    algorithm: "AWS4-HMAC-SHA256",
    key,
    deployment: shop.deployment(),
    path: `/orders?item=${item}`,
    headers: traceparent === "" ? {} : { traceparent },
  });
}

await untilAnswer(() => order("flour"), 201);

const idOf = (answer: Answer): string => String(answer.headers["x-millrace-request-id"]);
const spansOf = (requestId: string) =>
  collector.spans.filter(({ attributes }) => attributes["millrace.request_id"] === requestId);

function untilTraced(requestId: string, services: readonly string[]): Promise<CollectedSpan[]> {
  return until(
    () => {
      const spans = spansOf(requestId);
      const isWhole = services.every((service) => spans.some((span) => span.service === service));
      const [first] = spans;
      return isWhole && first ? collector.spans.filter(({ traceId }) => traceId === first.traceId) : null;
    },
    { timeoutMs: 10_000 },
  );
}

function accessLogLineOf(requestId: string): Record<string, unknown> | null {
  const text = readFileSync(join(platform.logsFolder, "gateway-1.log"), "utf8");
  const line = text.split("\n").find((one) => one.includes(`"requestId":"${requestId}"`));
  return line === undefined ? null : (JSON.parse(line) as Record<string, unknown>);
}

test("one signed request is found by its id in the access log, its event, its invocation, its log and its trace", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const answer = await order("rye", traceparentOf(traceId, true));
  assert.deepEqual(JSON.parse(answer.text), { order: { item: "rye" }, traceId });
  const requestId = idOf(answer);

  const line = await until(() => accessLogLineOf(requestId), { timeoutMs: 5_000 });
  assert.deepEqual([line.traceId, line.keyId, line.status, line.runner], [traceId, key.keyId, 201, "runner-1"]);

  const name = `${shop.project}/requests/${requestId}`;
  const report = await until(
    async () => {
      const found = await rpc.call(RequestServiceService.getRequest, { name }).catch(() => null);
      return found?.request && found.invocations.length > 0 && found.entries.length > 0 ? found : null;
    },
    { timeoutMs: 10_000 },
  );
  assert.deepEqual([report.request!.traceId, report.request!.keyId], [traceId, key.keyId]);
  assert.deepEqual([report.invocations[0]!.status, report.invocations[0]!.runner], [201, "runner-1"]);
  assert.ok(report.entries.some(({ message }) => message === `storing ${requestId}`));

  const explained = await cli.run(["--project", shop.project.split("/")[1]!, "explain", requestId]);
  assert.match(explained.stdout, new RegExp(`trace +${traceId}, exported\n`));

  const spans = await untilTraced(requestId, ["gateway", "function-runner"]);
  const named = (wanted: string) => spans.find((span) => span.name === wanted) ?? assert.fail(`no span ${wanted}`);
  const request = named("GET /orders");
  const call = spans.find((span) => span.name.startsWith("call ")) ?? assert.fail("no call");
  const path = [request, call, named("run orders"), named("function orders"), named("store order")];
  const parents = [CALLER_SPAN_ID, ...path.map(({ spanId }) => spanId)];
  for (const [at, span] of path.entries()) assert.equal(span.parentSpanId, parents[at], `parent of ${span.name}`);
  for (const phase of ["access", "answer"]) assert.equal(named(phase).parentSpanId, request.spanId);
  assert.equal(named("queue").parentSpanId, call.spanId);
  assert.deepEqual(
    path.map(({ service, instance }) => `${service} ${instance}`),
    [...Array(2).fill("gateway gateway-1"), ...Array(3).fill("function-runner runner-1")],
  );
  assert.equal(request.attributes["millrace.key_id"], key.keyId);
  assert.equal(named("store order").attributes["order.lines"], 1);
  assert.ok(spans.every((span) => span.traceId === traceId && !span.isError && span.startedAtMs <= span.endedAtMs));
});

test("what was not sampled is exported when it fails, with what the function measured, and else not", async () => {
  const traceId = "5bf92f3577b34da6a3ce929d0e0e4736";
  const served = [await order("rye"), await order("rye", traceparentOf(traceId, false))];
  const failed = await order("nothing");
  assert.deepEqual(
    [...served, failed].map(({ status }) => status),
    [201, 201, 502],
  );
  const spans = await untilTraced(idOf(failed), ["gateway", "function-runner"]);
  for (const [answer, isExported] of [
    [served[0]!, false],
    [failed, true],
  ] as const) {
    const line = await until(() => accessLogLineOf(idOf(answer)), { timeoutMs: 5_000 });
    assert.equal(line.traceExported, isExported);
  }
  for (const name of ["GET /orders", "run orders", "function orders"]) {
    assert.equal(spans.find((span) => span.name === name)?.isError, true, name);
  }
  assert.equal(spans.find(({ name }) => name === "GET /orders")!.attributes["error.type"], "function_error");
  assert.equal(spans.find(({ name }) => name === "store order")?.isError, false);
  assert.deepEqual(
    served.flatMap((answer) => spansOf(idOf(answer))),
    [],
  );
});

test("the guide to traces: a function measures, and its spans are in its caller's trace", async () => {
  const guide = "docs/guides/traces.md";
  const shell = readersShell(platform.platformFile, filesIn(guide));
  const commands = commandsIn(guide);
  assert.equal(commands.length, 8);
  const printed: string[] = [];
  for (const line of commands.slice(0, -1)) printed.push(await shell(line));
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.match(printed.at(-1)!, new RegExp(`"paid":42,"traceId":"${traceId}"`));
  const charge = await until(() => collector.spans.find(({ name }) => name === "charge card"), { timeoutMs: 10_000 });
  assert.deepEqual([charge.traceId, charge.attributes.amount], [traceId, 42]);
  await until(async () =>
    /"status": 200/.test(await shell("npx millrace --project shelf requests --limit 1 --output json")),
  );
  assert.match(await shell(commands.at(-1)!), new RegExp(`trace +${traceId}`));
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectBus, SUBJECTS } from "@millrace/bus";
import { RequestBatch, type RequestEvent } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { EVENT_LIMITS } from "../limits.ts";
import { HELLO, startGateway } from "../testing/gateway-fixture.ts";
import { RequestEvents } from "./request-events.ts";

const eventWith = (requestId: string) => RequestBatch.fromPartial({ events: [{ requestId }] }).events[0]!;

const gateway = await startGateway({ after });
const watcher = await connectBus(
  { url: gateway.nats.url, seed: gateway.nats.seed, identity: { service: "control-plane", id: "watcher" } },
  { info() {}, warn() {} },
);
after(() => watcher.close());
const told = new Map<string, RequestEvent>();
watcher.subscribe(SUBJECTS.requests("gateway-1"), {
  callback: (_, { data }) => {
    for (const one of RequestBatch.decode(data).events) told.set(one.requestId, one);
  },
});
await watcher.flush();
await gateway.putVersion({ functionId: "hello", project: "shop" });
await gateway.release([
  { apiName: "hello", method: "POST", path: "/hello", backend: { $case: "function", value: HELLO } },
  { apiName: "still", method: "GET", path: "/still", backend: { $case: "mock", value: { status: 200 } } },
]);
const runner = await gateway.startRunner();

test("what is over the bound of a second is dropped and counted, and failures have room of their own", async () => {
  const sent: RequestEvent[] = [];
  let nowMs = 0;
  const take = (bytes: Uint8Array) => sent.push(...RequestBatch.decode(bytes).events) > 0;
  const events = new RequestEvents(take, () => nowMs);
  const { servedPerSecond, failedPerSecond } = EVENT_LIMITS;
  for (let n = 0; n < servedPerSecond + 7; n++) events.add(false, () => eventWith(`served-${n}`));
  for (let n = 0; n < failedPerSecond + 5; n++) events.add(true, () => eventWith(`failed-${n}`));
  events.flush();
  assert.deepEqual([sent.length, events.dropped], [servedPerSecond + failedPerSecond, 12]);
  assert.equal(sent.at(-1)!.requestId, `failed-${failedPerSecond - 1}`);
  events.add(false, () => assert.fail("an event that is dropped is never made"));
  nowMs = 1_000;
  events.add(false, () => eventWith("of the next second"));
  await until(() => sent.at(-1)!.requestId === "of the next second");
  assert.equal(events.dropped, 13);
});

test("without a bus events are dropped and counted, not kept", () => {
  const events = new RequestEvents(
    () => false,
    () => 0,
  );
  events.add(false, () => eventWith("one"));
  events.flush();
  assert.equal(events.dropped, 1);
});

async function eventOf(ask: Parameters<typeof gateway.ask>[0]): Promise<RequestEvent> {
  const { headers } = await gateway.ask(ask);
  return until(() => told.get(String(headers["x-millrace-request-id"])));
}

function sumOf({ phases }: RequestEvent): number {
  return Object.values(phases!).reduce((sum: number, ms: number | undefined) => sum + (ms ?? 0), 0);
}

test("a served request tells who asked for what, who answered, and where its time went, without its query", async () => {
  runner.behaviour = (invocation) => invocation.answer(201, ["content-type", "text/plain"], "made");
  const headers = { referer: "https://example.com/page?token=canary", "user-agent": "test/1" };
  const event = await eventOf({ method: "POST", path: "/hello?token=canary", headers, body: "four" });
  assert.doesNotMatch(JSON.stringify(event), /canary/);
  const { time, durationMs, phases, host, sourceIp, requestId, traceId, authType, ...rest } = event;
  assert.deepEqual(rest, {
    project: "p",
    group: "g",
    environment: "online",
    release: 1,
    revision: "0.0.1",
    api: "hello",
    method: "POST",
    scheme: "http",
    path: "/hello",
    protocol: "HTTP/1.1",
    forwardedFor: "",
    referer: "https://example.com/page",
    userAgent: "test/1",
    callerProject: "",
    keyId: "",
    status: 201,
    reason: "",
    component: "function",
    requestBytes: 4,
    responseBytes: 4,
    contentType: "text/plain",
    function: "hello",
    functionVersion: 1,
    functionUid: "fn-hello",
    runner: "runner-1",
    attempts: 1,
    cold: false,
  });
  assert.ok(
    Math.abs(Date.now() - time!.getTime()) < 10_000 && host && sourceIp && requestId && traceId && authType === "",
  );
  assert.deepEqual(Object.keys(phases!).toSorted(), ["access", "answer", "body", "dispatch", "function", "queue"]);
  assert.ok(Math.abs(sumOf(event) - durationMs) < 0.01, JSON.stringify(event));
});

test("a request that was refused tells the reason, and its time is that of the phase that refused it", async () => {
  const missing = await eventOf({ path: "/none" });
  assert.deepEqual([missing.status, missing.reason, missing.component], [404, "no_route", "gateway"]);
  assert.deepEqual(
    Object.keys(missing.phases!).filter((name) => (missing.phases as never)[name] !== undefined),
    ["access", "answer"],
  );
});

test("a mock is told of without a function", async () => {
  const still = await eventOf({ path: "/still" });
  assert.deepEqual(
    [still.api, still.status, still.component, still.function, still.attempts],
    ["still", 200, "gateway", "", 0],
  );
  assert.ok(Math.abs(sumOf(still) - still.durationMs) < 0.01);
});

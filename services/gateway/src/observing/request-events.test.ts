import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, test } from "node:test";
import { connectBus, SUBJECTS } from "@millrace/bus";
import { RequestBatch, RequestEvent, type Tally } from "@millrace/proto/invocation/v1/invocation";
import { until } from "@millrace/testing";
import { EVENT_LIMITS } from "../limits.ts";
import { HELLO, startGateway } from "../testing/gateway-fixture.ts";
import { RequestEvents } from "./request-events.ts";

const eventWith = (requestId: string, project: string) => RequestEvent.fromPartial({ requestId, project });

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

test("what is over the bound of a second is dropped and counted by project, and each kind has room of its own", async () => {
  const sent: RequestEvent[] = [];
  const tallies = new Map<string, Tally>();
  let nowMs = 0;
  const take = (bytes: Uint8Array) => {
    const batch = RequestBatch.decode(bytes);
    sent.push(...batch.events);
    for (const tally of batch.tallies) tallies.set(tally.project, tally);
    return true;
  };
  const events = new RequestEvents(take, () => nowMs);
  after(() => events.close());
  const { servedPerSecond, failedPerSecond, unroutedPerSecond } = EVENT_LIMITS;
  for (let n = 0; n < servedPerSecond + 7; n++) events.add("served", "shop", () => eventWith(`served-${n}`, "shop"));
  for (let n = 0; n < failedPerSecond + 5; n++) events.add("failed", "cafe", () => eventWith(`failed-${n}`, "cafe"));
  for (let n = 0; n < unroutedPerSecond + 3; n++) events.add("unrouted", "", () => eventWith(`nobody-${n}`, ""));
  events.flush();
  assert.deepEqual([sent.length, events.dropped], [servedPerSecond + failedPerSecond + unroutedPerSecond, 15]);
  assert.equal(sent.at(-1)!.requestId, `nobody-${unroutedPerSecond - 1}`);
  events.add("served", "shop", () => assert.fail("an event that is dropped is never made"));
  nowMs = 1_000;
  events.add("served", "shop", () => eventWith("of the next second", "shop"));
  await until(() => sent.at(-1)!.requestId === "of the next second");
  await until(() => tallies.get("cafe")?.dropped === 5);
  const told = [...tallies.values()].map(({ project, told, dropped }) => [project, told, dropped]);
  assert.deepEqual(told.toSorted(), [
    ["", unroutedPerSecond, 3],
    ["cafe", failedPerSecond, 5],
    ["shop", servedPerSecond + 1, 8],
  ]);
});

test("without a bus events are dropped and counted, not kept, and the count is told when there is one", () => {
  const tallies: Tally[] = [];
  let isThere = false;
  const take = (bytes: Uint8Array) => {
    if (isThere) tallies.push(...RequestBatch.decode(bytes).tallies);
    return isThere;
  };
  const events = new RequestEvents(take, () => 0);
  events.add("served", "shop", () => eventWith("one", "shop"));
  events.flush();
  assert.equal(events.dropped, 1);
  isThere = true;
  events.close();
  assert.deepEqual(
    tallies.map(({ project, told, dropped }) => [project, told, dropped]),
    [["shop", 0, 1]],
  );
});

async function eventOf(ask: Parameters<typeof gateway.ask>[0]): Promise<RequestEvent> {
  const { headers } = await gateway.ask(ask);
  return until(() => told.get(String(headers["x-millrace-request-id"])));
}

function reached({ phases }: RequestEvent): string[] {
  const entries = Object.entries(phases!).filter(([, ms]) => ms !== undefined);
  return entries.map(([name]) => name).toSorted();
}

function sumOf({ phases }: RequestEvent): number {
  return Object.values(phases!).reduce((sum: number, ms: number | undefined) => sum + (ms ?? 0), 0);
}

test("a served request tells who asked for what, who answered, and where its time went, without its query", async () => {
  runner.behaviour = (invocation) => invocation.answer(201, ["content-type", "text/plain"], "made");
  const headers = { referer: "https://example.com/page?token=canary", "user-agent": "test/1" };
  const path = "/hello?token=canary&filter[size]=canary&canary&%63anary=1&token=canary";
  const event = await eventOf({ method: "POST", path, headers, body: "four" });
  assert.doesNotMatch(JSON.stringify(event), /canary/);
  const { time, durationMs, phases, host, sourceIp, requestId, traceId, authType, backendMs, ...rest } = event;
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
    traceExported: false,
    queryNames: "token,filter[size],*",
    backend: "function",
    backendHost: "",
    backendStatus: 201,
  });
  assert.ok(backendMs > 0 && backendMs <= durationMs, `${backendMs} of ${durationMs}`);
  assert.ok(
    Math.abs(Date.now() - time!.getTime()) < 10_000 && host && sourceIp && requestId && traceId && authType === "",
  );
  assert.deepEqual(reached(event), ["access", "answer", "body", "dispatch", "function", "queue"]);
  assert.ok(Math.abs(sumOf(event) - durationMs) < 0.01, JSON.stringify(event));
});

test("a request that was refused tells the reason, and its time is that of the phase that refused it", async () => {
  const missing = await eventOf({ path: "/none" });
  assert.deepEqual([missing.status, missing.reason, missing.component], [404, "no_route", "gateway"]);
  assert.deepEqual([missing.backend, missing.backendStatus, missing.backendMs], ["", 0, 0]);
  assert.deepEqual(reached(missing), ["access", "answer"]);
});

test("a mock is told of without a function", async () => {
  const still = await eventOf({ path: "/still" });
  assert.deepEqual(
    [still.api, still.status, still.component, still.function, still.attempts, still.backend, still.backendMs],
    ["still", 200, "gateway", "", 0, "mock", 0],
  );
  assert.ok(Math.abs(sumOf(still) - still.durationMs) < 0.01);
});

test("a request without a deployment is told of too, as nobody's", async () => {
  const strange = await eventOf({ path: "/secret", headers: { host: "unknown.example" } });
  assert.deepEqual(
    [strange.project, strange.status, strange.reason, strange.host],
    ["", 404, "no_deployment", "unknown.example"],
  );
});

test("what was no request is told of with its reason, and nothing of what was sent", async () => {
  const known = new Set(told.keys());
  const socket = connect(gateway.port, "127.0.0.1");
  socket.end("GET canary HTTP/9.9\r\n\r\n");
  await once(socket.resume(), "close");
  const broken = await until(() =>
    [...told.values()].find((event) => !known.has(event.requestId) && event.method === ""),
  );
  const { requestId, sourceIp, status, reason, component, project } = broken;
  assert.ok(requestId && sourceIp === "127.0.0.1");
  assert.deepEqual([status, reason, component, project], [400, "request_malformed", "gateway", ""]);
  assert.doesNotMatch(JSON.stringify(broken), /canary/);
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectBus, SUBJECTS } from "@millrace/bus";
import { type RequestUsage, UsageBatch } from "@millrace/proto/invocation/v1/usage";
import { OTHER_SERIES } from "@millrace/telemetry";
import { until } from "@millrace/testing";
import { USAGE_LIMITS } from "../limits.ts";
import type { PlannedRoute } from "../releases/deployment-plan.ts";
import type { Deployment } from "../releases/deployments.ts";
import { HELLO, LABEL, startGateway } from "../testing/gateway-fixture.ts";
import { type CountedLine, Usage } from "./usage.ts";

const LINE: CountedLine = { status: 200, reason: "", component: "function", keyId: "", bytesIn: 1, bytesOut: 2 };
const route = (apiName: string) => ({ apiName }) as PlannedRoute;

function deploymentOf(project: string, hostLabel = project): Deployment {
  return { hostLabel, name: `projects/${project}/groups/g/deployments/online` } as Deployment;
}

/** Usage in memory, and the last word of each series. */
function counted() {
  const clock = { nowMs: 60_000_000 };
  const kept = new Map<string, RequestUsage & { number: number; minuteS: number }>();
  const publish = async (bytes: Uint8Array) => {
    const { epoch, number, minuteS, requests } = UsageBatch.decode(bytes);
    for (const one of requests) {
      const key = [epoch, minuteS, one.hostLabel, one.api, one.keyId].join();
      if ((kept.get(key)?.number ?? 0) < number) kept.set(key, { ...one, number, minuteS });
    }
  };
  const usage = new Usage({ nowMs: () => clock.nowMs, publish, log: { warn() {} } });
  const sum = (read: (one: RequestUsage) => number) => [...kept.values()].reduce((total, one) => total + read(one), 0);
  return { usage, clock, kept, sum };
}

test("requests are counted by class, failure, bytes and duration, for each API and key", async () => {
  const { usage, kept } = counted();
  const [shop, pets] = [deploymentOf("shop"), route("pets")];
  usage.count(shop, pets, LINE, 4);
  usage.count(shop, pets, { ...LINE, status: 301 }, 0.2);
  usage.count(shop, pets, { ...LINE, status: 429, reason: "rate_limited", component: "gateway" }, 1);
  usage.count(shop, pets, { ...LINE, status: 502, reason: "function_error" }, 1);
  usage.count(shop, pets, { ...LINE, status: 0, reason: "caller_gone" }, 400_000);
  usage.count(shop, pets, { ...LINE, keyId: "AK00000001" }, 1);
  usage.count(shop, null, { ...LINE, status: 404, reason: "no_route", component: "gateway" }, 1);
  await usage.close();
  const [anonymous, keyed, routeless] = [...kept.values()];
  const { durations, durationUs, number, minuteS, ...counts } = anonymous!;
  assert.deepEqual(counts, {
    hostLabel: "shop",
    api: "pets",
    keyId: "",
    count: 5,
    status2xx: 1,
    status3xx: 1,
    status4xx: 1,
    status5xx: 1,
    unanswered: 1,
    limited: 1,
    failedGateway: 1,
    failedDispatch: 0,
    failedRunner: 0,
    failedFunction: 1,
    failedBackend: 0,
    bytesIn: 5,
    bytesOut: 10,
  });
  assert.deepEqual([durations[0], durations[3], durations.at(-1), durationUs], [3, 1, 1, 400_006_200]);
  assert.deepEqual([keyed!.keyId, keyed!.count], ["AK00000001", 1]);
  assert.deepEqual([routeless!.api, routeless!.failedGateway, minuteS, number > 0], ["", 1, 60_000, true]);
});

test("a deployment that is released anew within a minute goes on with its series", async () => {
  const { usage, kept } = counted();
  usage.count(deploymentOf("shop"), route("pets"), LINE, 1);
  usage.count(deploymentOf("shop"), route("pets"), LINE, 1);
  await usage.close();
  assert.deepEqual(
    [...kept.values()].map(({ count }) => count),
    [2],
  );
});

test("keys beyond the bound are counted together, then APIs, then only that something was left out; the next minute begins anew", async () => {
  const { usage, clock, kept, sum } = counted();
  const { seriesMax, seriesOfOtherKeysMax, seriesOfOtherApisMax } = USAGE_LIMITS;
  const [shop, pets] = [deploymentOf("shop"), route("pets")];
  for (let n = 0; n < seriesMax + 5; n++) usage.count(shop, pets, { ...LINE, keyId: `key${n}` }, 1);
  for (let n = 0; n < seriesOfOtherKeysMax + 5; n++) usage.count(shop, route(`api${n}`), LINE, 1);
  for (let n = 0; n < seriesOfOtherApisMax + 5; n++) usage.count(deploymentOf(`p${n}`), pets, LINE, 1);
  const total = seriesMax + seriesOfOtherKeysMax + seriesOfOtherApisMax + 15;
  await usage.close();
  const named = (api: string, keyId: string) =>
    [...kept.values()].filter((one) => one.api === api && one.keyId === keyId);
  assert.equal(kept.size, seriesMax + seriesOfOtherKeysMax + seriesOfOtherApisMax);
  assert.equal(named("pets", OTHER_SERIES)[0]!.count, 5);
  assert.ok(named(OTHER_SERIES, OTHER_SERIES).length > 0);
  assert.ok(usage.dropped > 0);
  assert.equal(sum(({ count }) => count) + usage.dropped, total);
  clock.nowMs += 60_000;
  const { dropped } = usage;
  usage.count(deploymentOf("late"), pets, LINE, 1);
  await usage.close();
  assert.deepEqual([usage.dropped, kept.size - named("pets", "").length > 0], [dropped, true]);
  assert.equal([...kept.values()].find(({ hostLabel }) => hostLabel === "late")?.count, 1);
});

test("a minute that is over while nothing was asked for takes nothing more", async () => {
  const { usage, clock, kept } = counted();
  const [shop, pets] = [deploymentOf("shop"), route("pets")];
  usage.count(shop, pets, LINE, 1);
  clock.nowMs += 60_000;
  await usage.tell();
  usage.count(shop, pets, LINE, 1);
  await usage.close();
  assert.deepEqual(
    [...kept.values()].map(({ minuteS, count }) => [minuteS, count]),
    [
      [60_000, 1],
      [60_060, 1],
    ],
  );
});

test("totals go on over minutes, and the APIs beyond their bound are summed as one", () => {
  const { usage, clock } = counted();
  for (let n = 0; n < USAGE_LIMITS.apisShownMax + 10; n++) usage.count(deploymentOf("shop"), route(`a${n}`), LINE, 1);
  clock.nowMs += 60_000;
  usage.count(deploymentOf("shop"), route("a0"), { ...LINE, status: 500 }, 2);
  const totals = [...usage.totals()];
  assert.equal(totals.length, USAGE_LIMITS.apisShownMax + 1);
  assert.deepEqual(
    [totals[0]!.classes["2xx"], totals[0]!.classes["5xx"], totals[0]!.durationUs, totals[0]!.group],
    [1, 1, 3_000, "g"],
  );
  assert.deepEqual(
    [totals.at(-1)!.project, totals.at(-1)!.api, totals.at(-1)!.classes["2xx"]],
    [OTHER_SERIES, OTHER_SERIES, 10],
  );
  assert.equal([...usage.totals()][0]!.classes["5xx"], 1, "who looks changes nothing");
});

test("a gateway that stops tells what it has counted, in its own name, and the stream keeps it", async () => {
  const releases: (() => Promise<void>)[] = [];
  const owner = { after: (release: () => Promise<void>) => releases.push(release) };
  const gateway = await startGateway(owner);
  after(async () => {
    for (const release of releases) await release();
  });
  const watcher = await connectBus(
    { url: gateway.nats.url, seed: gateway.nats.seed, identity: { service: "control-plane", id: "watcher" } },
    { info() {}, warn() {} },
  );
  releases.unshift(() => watcher.close());
  const told: RequestUsage[] = [];
  watcher.subscribe(SUBJECTS.usage("gateway", "gateway-1"), {
    callback: (_, { data }) => void told.push(...UsageBatch.decode(data).requests),
  });
  await watcher.flush();
  await gateway.release([
    { apiName: "hello", method: "POST", path: "/hello", backend: { $case: "function", value: HELLO } },
    { apiName: "still", method: "GET", path: "/still", backend: { $case: "mock", value: { status: 200 } } },
  ]);
  for (let n = 0; n < 3; n++) assert.equal((await gateway.ask({ path: "/still" })).status, 200);
  assert.equal((await gateway.ask({ path: "/none" })).status, 404);
  await until(() => gateway.lines.length >= 4);
  await gateway.app.close();
  await until(() => told.length > 1);
  const still = told.findLast(({ api }) => api === "still")!;
  assert.deepEqual([still.hostLabel, still.count, still.status2xx, still.keyId], [LABEL, 3, 3, ""]);
  assert.equal(told.findLast(({ api }) => api === "")!.status4xx, 1);
});

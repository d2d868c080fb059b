/**
 * What happened is told of exactly: floods, a control side that is away, streams that are full and processes that are killed cost no more
 * than is said, and what they cost is counted.
 */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, BusObserver, bridge, metricOf, provision, send, testPlatform } from "@millrace/e2e-tests";
import type { EventGap } from "@millrace/proto/control/v1/events";
import { LogServiceService } from "@millrace/proto/control/v1/logs";
import { RequestServiceService } from "@millrace/proto/control/v1/requests";
import { until } from "@millrace/testing";

/** A gateway sends what it has to tell after a quarter of a second; this much later it is on the bus on any machine. */
const GATEWAY_FLUSH_MS = 250 + 250;
/** A runner tells of each invocation at once. */
const RUNNER_FLUSH_MS = 250;
const BOUND_MS = 1_000;
const LINES = 40;

const observer = new BusObserver();
const platform = await testPlatform({ natsUsers: [observer.natsUser] });
const { rpc } = platform;
await observer.connect(platform.natsUrl);
after(() => observer.close());
const agent = new Agent({ keepAlive: true, maxSockets: 32 });
after(() => agent.destroy());

const SHOP = `export default {
  fetch(request) {
    const lines = new URL(request.url).pathname.endsWith("loud") ? ${LINES} : 0;
    for (let n = 0; n < lines; n++) console.log(String(n).padEnd(1_500, "."));
    return new Response("done");
  },
};`;
const plan = {
  functions: { shop: { code: SHOP } },
  apis: {
    quiet: { method: "GET", path: "/quiet", backend: "shop" },
    loud: { method: "GET", path: "/loud", backend: "shop" },
  },
};

interface Kept {
  ids: string[];
  gaps: EventGap[];
}

/** All pages of both lists. */
async function keptOf(project: string): Promise<{ requests: Kept; entries: Kept }> {
  const requests: Kept = { ids: [], gaps: [] };
  const entries: Kept = { ids: [], gaps: [] };
  const page = { parent: project, pageSize: 1_000 };
  for (let pageToken = "", first = true; first || pageToken !== ""; first = false) {
    const answer = await rpc.call(RequestServiceService.listRequests, { ...page, pageToken });
    requests.ids.push(...answer.requests.map(({ name }) => name.split("/").at(-1)!));
    requests.gaps.push(...answer.gaps);
    pageToken = answer.nextPageToken;
  }
  for (let pageToken = "", first = true; first || pageToken !== ""; first = false) {
    const answer = await rpc.call(LogServiceService.listLogs, { ...page, pageToken });
    entries.ids.push(...answer.entries.map(({ requestId }) => requestId).filter((id) => id !== ""));
    entries.gaps.push(...answer.gaps);
    pageToken = answer.nextPageToken;
  }
  return { requests, entries };
}

function missing({ gaps }: Kept, cause?: string): number {
  return gaps.filter((gap) => cause === undefined || gap.cause === cause).reduce((sum, { count }) => sum + count, 0);
}

const idOf = ({ headers }: Answer) => String(headers["x-millrace-request-id"]);

/** The first calls may be refused by a gateway that has not heard of the function yet; one of them, the last, has run. */
const RAN_BEFORE = 1;

async function project() {
  const made = await provision(rpc, plan);
  const { pathUrl } = made.deployment();
  const ask = (path: string) => send({ url: `${pathUrl}${path}`, agent });
  let sent = 0;
  await until(async () => {
    const { status, headers } = await ask("/quiet");
    if (headers["x-millrace-request-id"] && status !== 404) sent++;
    return status === 200;
  });
  // What gateways and runners tell in a second has a bound; a flood before may have used it up.
  await pause(BOUND_MS + 100);
  return { name: made.project, ask, warmedBy: sent };
}

/** Sends so many calls, 32 at a time. */
async function flood(count: number, ask: () => Promise<Answer>): Promise<void> {
  let left = count;
  const workers = Array.from({ length: 32 }, async () => {
    while (left-- > 0) assert.equal((await ask()).status, 200);
  });
  await Promise.all(workers);
}

test("in a flood everything is stored or counted: of requests at the gateway, of lines at the runner", async (t) => {
  const shop = await project();
  const [quiet, loud] = [1_500, 150];
  await flood(loud, () => shop.ask("/loud"));
  await flood(quiet, () => shop.ask("/quiet"));
  const requests = shop.warmedBy + quiet + loud;
  const entries = RAN_BEFORE + quiet + loud * (LINES + 1);
  const kept = await until(
    async () => {
      const now = await keptOf(shop.name);
      const all = [now.requests.ids.length + missing(now.requests), now.entries.ids.length + missing(now.entries)];
      return all[0] === requests && all[1] === entries && now;
    },
    { timeoutMs: 20_000, message: `${requests} requests and ${entries} entries, stored or counted` },
  );
  const dropped = [missing(kept.requests, "source"), missing(kept.entries, "source")];
  t.diagnostic(`${requests} requests: ${dropped[0]} dropped; ${entries} entries: ${dropped[1]} dropped`);
  assert.ok(dropped.every((count) => count > 0));
  assert.equal(missing(kept.requests, "bus") + missing(kept.entries, "bus"), 0);
});

test("over JSON the same is asked for, and the same is said to be missing", async () => {
  const shop = await project();
  await flood(600, () => shop.ask("/quiet"));
  await shop.ask("/loud");
  await send({ url: `${platform.gatewayUrl}/unknown`, headers: { host: "nobody.example" } });
  const ask = bridge(platform.consoleUrl, platform.adminToken);
  const parent = shop.name;
  const filter = { functionVersion: 1, runner: "runner-1", attemptsMin: 1, environment: "online", method: "GET" };
  const requests = await until(async () => {
    const { body } = await ask("millrace.control.v1.RequestService", "ListRequests", {
      parent,
      filter,
      pageSize: 1_000,
    });
    return (body.gaps as unknown[] | undefined)?.length ? body : undefined;
  });
  const [newest] = requests.requests as { path: string; backend: string }[];
  assert.match(newest!.path, /\/(loud|quiet)$/);
  assert.equal(newest!.backend, "function");
  const [gap] = requests.gaps as { source: string; cause: string; count: string }[];
  assert.deepEqual([gap!.source, gap!.cause, Number(gap!.count) > 0], ["gateway-1", "source", true]);
  const asked = { parent, function: "shop", levels: ["info"], version: 1, runner: "runner-1", text: "39.." };
  const entry = await until(async () => {
    const { body } = await ask("millrace.control.v1.LogService", "ListLogs", asked);
    return (body.entries as { message: string }[] | undefined)?.[0];
  });
  assert.match(entry.message, /^39\./);
  const unrouted = await until(async () => {
    const nobody = { filter: { reason: "no_deployment" } };
    const { body } = await ask("millrace.control.v1.RequestService", "ListUnroutedRequests", nobody);
    return (body.requests as { host: string }[] | undefined)?.find(({ host }) => host === "nobody.example");
  });
  assert.ok(unrouted);
});

test("while the control side is down nothing is lost: all of it is there afterwards, each event once", async () => {
  const shop = await project();
  await platform.service("control-plane-1").stop();
  const ids: string[] = [];
  for (let n = 0; n < 60; n++) ids.push(idOf(await shop.ask(n % 2 ? "/loud" : "/quiet")));
  await platform.service("control-plane-1").start();
  const told = [shop.warmedBy + ids.length, RAN_BEFORE + ids.length + 30 * LINES];
  let lengths: number[] = [];
  const kept = await until(
    async () => {
      const now = await keptOf(shop.name).catch(() => undefined);
      if (now) lengths = [now.requests.ids.length, now.entries.ids.length];
      return lengths.every((length, at) => length >= told[at]!) && now;
    },
    // What it had taken and not stored when it was told to stop, the bus hands out again after half a minute.
    { timeoutMs: 60_000, message: () => `${told.join(" requests and ")} entries; there are ${lengths.join(" and ")}` },
  );
  for (const id of ids) assert.equal(kept.requests.ids.filter((one) => one === id).length, 1, id);
  for (const [n, id] of ids.entries()) {
    assert.equal(kept.entries.ids.filter((one) => one === id).length, n % 2 ? LINES + 1 : 1, id);
  }
  assert.deepEqual([kept.requests.gaps, kept.entries.gaps], [[], []]);
});

/** Asks at a steady pace until told to stop; answers when each was answered. */
async function pace(shop: { ask: (path: string) => Promise<Answer> }, stop: AbortSignal) {
  const answered: { id: string; atMs: number }[] = [];
  while (!stop.aborted) {
    const answer = await shop.ask("/quiet").catch(() => undefined);
    if (answer?.status === 200) answered.push({ id: idOf(answer), atMs: performance.now() });
    await pause(5);
  }
  return answered;
}

for (const [service, flushMs, of] of [
  ["gateway-1", GATEWAY_FLUSH_MS, "requests"],
  ["runner-1", RUNNER_FLUSH_MS, "entries"],
] as const) {
  test(`a ${service} that is killed takes along what it had not flushed, and no more`, async (t) => {
    const shop = await project();
    const stop = new AbortController();
    const running = pace(shop, stop.signal);
    await pause(1_500);
    const killedAtMs = performance.now();
    await platform.service(service).kill();
    stop.abort();
    const answered = await running;
    await until(async () => (await shop.ask("/quiet").catch(() => undefined))?.status === 200, { timeoutMs: 20_000 });
    const due = answered.filter(({ atMs }) => atMs < killedAtMs - flushMs).map(({ id }) => id);
    assert.ok(due.length > 20, `${due.length} calls`);
    const kept = await until(
      async () => {
        const ids = new Set((await keptOf(shop.name))[of].ids);
        return due.every((id) => ids.has(id)) && ids;
      },
      { timeoutMs: 15_000, message: "what was told before the flush interval" },
    );
    const lost = answered.filter(({ id }) => !kept.has(id)).length;
    t.diagnostic(`${answered.length} calls before the kill, ${lost} of them not told of`);
  });
}

test("what the streams' bounds discard while the control side is down is counted exactly", async (t) => {
  const shop = await project();
  const before = await until(async () => {
    const { requests, entries } = await keptOf(shop.name);
    return requests.ids.length === shop.warmedBy && entries.ids.length === RAN_BEFORE && { requests, entries };
  });
  assert.deepEqual([before.requests.gaps, before.entries.gaps], [[], []]);
  await platform.service("control-plane-1").stop();
  await observer.bound("requests", 2);
  await observer.bound("logs", 5);
  const count = 80;
  for (let n = 0; n < count; n++) {
    await shop.ask("/quiet");
    await pause(20);
  }
  await platform.service("control-plane-1").start();
  const all = [shop.warmedBy + count, RAN_BEFORE + count];
  const kept = await until(
    async () => {
      const now = await keptOf(shop.name).catch(() => undefined);
      const told = now && [now.requests, now.entries].map((kind) => kind.ids.length + missing(kind));
      return told?.every((number, at) => number === all[at]) && now;
    },
    { timeoutMs: 25_000, message: `${all.join(" requests and ")} entries, stored or counted` },
  );
  const lost = [missing(kept.requests, "bus"), missing(kept.entries, "bus")];
  t.diagnostic(`of ${count} requests the bus discarded ${lost[0]}, of as many entries ${lost[1]}`);
  assert.ok(lost.every((number) => number > 0));
  assert.ok(
    (await metricOf(platform, "control-plane-1", "millrace_control_plane_events_missing_total")) >= lost[0]! + lost[1]!,
  );
});

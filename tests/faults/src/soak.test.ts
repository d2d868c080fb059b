/** Some seconds of everything at once, twice: what the second time leaves behind is a leak. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Call,
  descendantsOf,
  metricOf,
  provision,
  residentBytes,
  send,
  splitUrl,
  testPlatform,
} from "@millrace/e2e-tests";
import { until } from "@millrace/testing";
import { type Load, startLoad, summary } from "./load.ts";

const MIB = 1024 ** 2;
const ROUND_MS = 8_000;
const QUIET_TIMEOUT_MS = 15_000;
const ROUNDS_MORE_MAX = 3;
const GROWTH_MIB_MAX = 32;
const STAY_MS = 20;
const DOWNLOAD_BYTES = MIB;
const UPLOAD = Buffer.alloc(300_000);

const platform = await testPlatform({ runnerSlots: 16 });
const CODE = `
  const piece = new Uint8Array(65536);
  export default {
    async fetch(request, env, context) {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/upload")) return new Response(String((await request.arrayBuffer()).byteLength));
      if (pathname.endsWith("/download")) {
        let left = ${DOWNLOAD_BYTES} / piece.length;
        return new Response(new ReadableStream({
          pull(controller) {
            if (left-- === 0) controller.close();
            else controller.enqueue(piece);
          },
        }));
      }
      if (pathname.endsWith("/left")) return new Promise((resolve) => {
        context.signal.addEventListener("abort", () => resolve(new Response("nobody reads this")));
      });
      if (pathname.endsWith("/throws")) throw new Error("as asked");
      context.waitUntil(new Promise((resolve) => setTimeout(resolve, 5)));
      return new Response("done");
    },
  };`;
const HANDLER = `export const handler = async () => ({ statusCode: 200, headers: {}, body: "done" });`;
const shop = await provision(platform.rpc, {
  functions: { many: { code: CODE }, single: { code: HANDLER } },
  apis: {
    readMany: { method: "GET", path: "/many/{act}", backend: "many" },
    makeMany: { method: "POST", path: "/many/{act}", backend: "many" },
    readSingle: { method: "GET", path: "/single", backend: "single" },
  },
});
const base = shop.deployment().pathUrl;
for (const path of ["/many/work", "/single"]) {
  await until(async () => (await send({ url: base + path })).status === 200, { timeoutMs: 10_000 });
}

const CALLS: readonly (Call & { readonly status: number })[] = [
  { url: `${base}/many/work`, status: 200 },
  { url: `${base}/single`, status: 200 },
  { url: `${base}/many/upload`, method: "POST", body: UPLOAD, status: 200 },
  { url: `${base}/many/download`, status: 200 },
  { url: `${base}/many/throws`, status: 502 },
  { url: `${base}/nowhere`, status: 404 },
];

/** Calls and leaves before there is an answer. */
async function leaveOften(isOver: () => boolean): Promise<void> {
  const { hostname, port, target } = splitUrl(`${base}/many/left`);
  while (!isOver()) {
    const socket = connect({ host: hostname, port }).on("error", () => {});
    socket.write(`GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
    await pause(STAY_MS);
    socket.destroy();
  }
}

/** Answers how many calls there were. */
async function round(): Promise<number> {
  let over = false;
  const leaving = Promise.all([1, 2].map(() => leaveOften(() => over)));
  const loads: Load[] = CALLS.map((call) => startLoad([() => call]));
  await pause(ROUND_MS);
  for (const [service, [metric]] of Object.entries(UNDER_WAY)) {
    await until(async () => (await metricOf(platform, service, metric!)) > 0, { message: `some ${metric}` });
  }
  over = true;
  await leaving;
  const all = await Promise.all(loads.map((load) => load.stop()));
  for (const [at, outcomes] of all.entries()) {
    assert.ok(
      outcomes.every(({ status }) => status === CALLS[at]!.status),
      `${CALLS[at]!.url}: ${summary(outcomes)}`,
    );
  }
  return all.reduce((sum, outcomes) => sum + outcomes.length, 0);
}

/** The services, their sandboxes and the engines. */
function processes(): Map<string, number> {
  const named = new Map(platform.services.map(({ name, pid }) => [name, pid!]));
  for (const { pid } of descendantsOf([platform.service("runner-1").pid!])) named.set(`sandbox ${pid}`, pid);
  return named;
}

function descriptors(): Record<string, number> {
  return Object.fromEntries([...processes()].map(([name, pid]) => [name, readdirSync(`/proc/${pid}/fd`).length]));
}

/** Gauges that are 0 when nothing is under way; the first of each process is not while something is. */
const UNDER_WAY: Record<string, readonly string[]> = {
  "gateway-1": [
    "millrace_gateway_requests_in_flight",
    "millrace_gateway_calls_open",
    "millrace_gateway_calls_waiting",
    "millrace_gateway_held_body_bytes",
  ],
  "runner-1": ["millrace_runner_slots_busy"],
};

async function quiet(): Promise<void> {
  for (const [service, metrics] of Object.entries(UNDER_WAY)) {
    for (const metric of metrics) {
      const isZero = async () => (await metricOf(platform, service, metric)) === 0;
      await until(isZero, { timeoutMs: QUIET_TIMEOUT_MS, message: `no ${metric}` });
    }
  }
}

/** What a round leaves of memory in each process, in MiB. */
async function growthOfARound(): Promise<Record<string, number>> {
  const held = [...processes()].map(([name, pid]) => [name, residentBytes(pid)] as const);
  await round();
  await quiet();
  const pids = processes();
  return Object.fromEntries(
    held.map(([name, bytes]) => [name, Math.round((residentBytes(pids.get(name) ?? 0) - bytes) / MIB)]),
  );
}

test("work that is over leaves no descriptors and no slots behind, and memory stops growing", async (t) => {
  await round();
  await quiet();
  const before = descriptors();
  // A heap grows to the size that the work needs, sooner or later; what leaks grows with every round.
  let growth = await growthOfARound();
  for (let more = 0; more < ROUNDS_MORE_MAX && isMuch(growth); more++) growth = await growthOfARound();
  t.diagnostic(JSON.stringify(growth));
  assert.ok(!isMuch(growth), `every round it grew by more than ${GROWTH_MIB_MAX} MiB: ${JSON.stringify(growth)}`);
  // Idle connections between the services, and to nobody else, may come and go, and a sandbox may have an instance or two more than before, of
  // five descriptors each. What leaks with every call is hundreds.
  const slack = (name: string) => (name.startsWith("sandbox") ? 12 : 2);
  await until(
    () => !Object.entries(descriptors()).some(([name, count]) => count > (before[name] ?? count) + slack(name)),
    {
      timeoutMs: QUIET_TIMEOUT_MS,
      message: () => `as few descriptors as before: ${JSON.stringify({ before, now: descriptors() })}`,
    },
  );
});

function isMuch(growth: Record<string, number>): boolean {
  return Object.values(growth).some((mib) => mib > GROWTH_MIB_MAX);
}

/**
 * A runner, a gateway, a sandbox and a thread killed under half load: each request gets exactly one answer before its deadline, nothing
 * unsafe is executed twice, and the platform comes back with all of its slots.
 */
import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { allProcesses, descendantsOf, provision, Recorder, send, testPlatform } from "@millrace/e2e-tests";
import { until } from "@millrace/testing";
import { CheckedClient } from "./checked-client.ts";
import { Checker } from "./checker.ts";

const TIMEOUT_MS = 4_000;
/** The gateway adds two seconds for queueing and starting cold; half a second more is ours to measure. */
const DEADLINE_MS = TIMEOUT_MS + 2_500;
const GATEWAYS = ["gateway-1", "gateway-2"] as const;
const SLOTS_PER_RUNNER = 12;
const SLOTS = SLOTS_PER_RUNNER * 2;
const READ_MANY = { method: "GET", path: "/many" } as const;
const MAKE_MANY = { method: "POST", path: "/many" } as const;
const READ_SINGLE = { method: "GET", path: "/single" } as const;
const MAKE_SINGLE = { method: "POST", path: "/single" } as const;
/** Of each gateway, one call at a time each: half of all slots together. */
const CLIENTS = [READ_MANY, READ_MANY, READ_SINGLE, MAKE_MANY, MAKE_MANY, MAKE_SINGLE];
const CALLS_BEFORE = 300;
const CALLS_AFTERWARDS = 300;
const BACK_TIMEOUT_MS = 20_000;
const LOST = ["502 instance_lost", "502 runner_lost"];
const ENDED_BY_ITSELF = "502 function_error";
/** Two kills can hit one request, and each costs an attempt. */
const ATTEMPTS_MAX = 3;

/** Of all loads; the last one's is under way. */
const checkers: Checker[] = [];
let checker = newChecker();
const recorder = await Recorder.start((id, where) => {
  const sender = checkers.find((one) => one.knows(id)) ?? checker;
  sender.executed(id, where);
});
after(() => recorder.close());

const WORK = `
  ${recorder.client}
  async function work(id, then) {
    await record(id);
    if (then === "exit") process.exit(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    return id;
  }`;
const platform = await testPlatform({
  gateways: GATEWAYS.length,
  runners: 2,
  runnerSlots: SLOTS_PER_RUNNER,
  egressAllow: [recorder.address],
});
const shop = await provision(platform.rpc, {
  functions: {
    many: {
      code: `${WORK} export default {
        async fetch(request) {
          const { searchParams } = new URL(request.url);
          return new Response(await work(searchParams.get("id"), searchParams.get("then")));
        },
      };`,
      config: { timeoutMs: TIMEOUT_MS },
    },
    single: {
      code: `${WORK} export const handler = async ({ detail }) => ({
        statusCode: 200,
        headers: {},
        body: await work(detail.queryParameters.id, detail.queryParameters.then),
      });`,
      config: { timeoutMs: TIMEOUT_MS },
    },
  },
  apis: {
    readMany: { method: "GET", path: "/many", backend: "many" },
    makeMany: { method: "POST", path: "/many", backend: "many" },
    readSingle: { method: "GET", path: "/single", backend: "single" },
    makeSingle: { method: "POST", path: "/single", backend: "single" },
  },
});
const { pathUrl } = shop.deployment();
const urlAt = (at: number, path: string): string =>
  `${pathUrl.replace(platform.gatewayUrl, platform.gatewayUrls[at]!)}${path}?id={id}`;
for (const [at] of GATEWAYS.entries()) {
  const { method, url } = callOf(at, READ_MANY);
  await until(async () => (await send({ method, url })).status === 200, { timeoutMs: BACK_TIMEOUT_MS });
}
await untilAllSlotsWork();

function newChecker(failures: readonly string[] = LOST): Checker {
  return new Checker({ failures, attemptsMax: ATTEMPTS_MAX });
}

function callOf(at: number, { method, path }: { method: "GET" | "POST"; path: string }) {
  return { method, url: urlAt(at, path) };
}

function clientOf(at: number): CheckedClient {
  return new CheckedClient({ checker, gateway: GATEWAYS[at]!, deadlineMs: DEADLINE_MS });
}

/** Calls without a pause until it is stopped; then answers when the last one is over. */
function startClient(at: number, kind: (typeof CLIENTS)[number]): () => Promise<void> {
  const client = clientOf(at);
  let stopping = false;
  const calling = (async () => {
    while (!stopping) await client.call(callOf(at, kind));
    client.close();
  })();
  return () => {
    stopping = true;
    return calling;
  };
}

/** As many calls as there are slots are under way at one moment, half of them from each gateway, and all are answered. */
async function untilAllSlotsWork(): Promise<void> {
  let last = "";
  await until(
    async () => {
      checker = newChecker(["503 overloaded"]);
      recorder.holdUntil(SLOTS);
      const timer = setTimeout(() => recorder.letGo(), TIMEOUT_MS / 2);
      const clients = Array.from({ length: SLOTS }, (_, number) => clientOf(number % GATEWAYS.length));
      const calls = clients.map((client, number) => client.call(callOf(number % GATEWAYS.length, READ_MANY)));
      await Promise.all(calls);
      clearTimeout(timer);
      for (const client of clients) client.close();
      const held = recorder.letGo();
      last = `${checker.summary}; ${held} were held`;
      return last === `GET 200: ${SLOTS}; 0 were held`;
    },
    { timeoutMs: BACK_TIMEOUT_MS * 2, message: () => `${SLOTS} calls at one moment; the last try: ${last}` },
  );
}

/** Loads, lets something happen in the middle, goes on, and finds nothing wrong; then all slots work. */
async function checkAround(t: TestContext, happen: () => Promise<unknown>, failures = LOST): Promise<Checker> {
  const mine = newChecker(failures);
  checkers.push(mine);
  checker = mine;
  const stops = GATEWAYS.flatMap((_, at) => CLIENTS.map((kind) => startClient(at, kind)));
  const reach = (answers: number): Promise<unknown> =>
    until(() => mine.answers >= answers, { timeoutMs: BACK_TIMEOUT_MS, message: () => `answers: ${mine.summary}` });
  await reach(CALLS_BEFORE);
  assert.doesNotMatch(mine.summary, /[345]\d\d|unknown/, "all is well before anything happens");
  await happen();
  await reach(mine.answers + CALLS_AFTERWARDS);
  await Promise.all(stops.map((stop) => stop()));
  t.diagnostic(`${mine.summary}; the slowest took ${Math.round(mine.slowestMs)} ms`);
  await untilAllSlotsWork();
  assert.deepEqual(mine.faults, []);
  return mine;
}

/** Kills it, and waits until it is back. */
async function killService(name: string): Promise<void> {
  const isBack = (line: string): boolean => line.startsWith(`${name} is back`);
  const before = platform.said.filter(isBack).length;
  await platform.service(name).kill();
  await until(() => platform.said.filter(isBack).length > before, { timeoutMs: BACK_TIMEOUT_MS, message: name });
}

/** The processes that hold tenants' code are the leaves below a runner. */
function sandboxesOf(runner: string): number[] {
  const below = descendantsOf([platform.service(runner).pid!]);
  const parents = new Set(below.map(({ parent }) => parent));
  return below.filter(({ pid }) => !parents.has(pid)).map(({ pid }) => pid);
}

function killSandboxesOf(runner: string): void {
  const pids = sandboxesOf(runner);
  assert.ok(pids.length > 0, "there is one");
  for (const pid of pids) process.kill(pid, "SIGKILL");
}

test("a runner is killed, and its sandboxes end with it", async (t) => {
  const left = sandboxesOf("runner-2");
  await checkAround(t, () => killService("runner-2"));
  await until(() => !allProcesses().some(({ pid }) => left.includes(pid)), { message: "the old sandboxes to be gone" });
});

test("a gateway is killed: only what was under way at it ends without an answer", async (t) => {
  await checkAround(t, async () => {
    const back = checker.gatewayGoes("gateway-2");
    await killService("gateway-2");
    back();
  });
});

test("the sandboxes of a runner are killed, and the runner lives on", async (t) => {
  await checkAround(t, async () => {
    killSandboxesOf("runner-1");
  });
  assert.ok(!platform.said.some((line) => line.startsWith("runner-1 ended")), platform.said.join("\n"));
});

test("functions end their threads: who asked for it learns of an error, and so do at most those beside it", async (t) => {
  const exits = 6;
  const mine = await checkAround(t, async () => {
    const client = clientOf(0);
    for (let count = 0; count < exits; count++) {
      const { method, url } = callOf(0, CLIENTS[count % CLIENTS.length]!);
      const answer = await client.call({ method, url: `${url}&then=exit` });
      assert.ok(answer !== "unknown" && answer?.status === 502, JSON.stringify(answer));
    }
    client.close();
  }, [...LOST, ENDED_BY_ITSELF]);
  assert.match(mine.summary, /502 function_error/);
});

test("a runner and a gateway are killed at the same moment", async (t) => {
  await checkAround(t, async () => {
    const back = checker.gatewayGoes("gateway-1");
    await Promise.all([killService("runner-1"), killService("gateway-1")]);
    back();
  });
});

test("a runner is stopped and started as for an upgrade: nobody notices", async (t) => {
  await checkAround(t, () => platform.service("runner-1").restart(), []);
});

test("NATS is restarted: refusals and losses are told as what they are, and refused work was not done", async (t) => {
  const failures = ["502 runner_lost", "503 no_runner", "503 overloaded", "504 function_timeout"];
  await checkAround(t, () => platform.engines.nats.process!.restart(), failures);
});

const BEGUN = 16;

for (const [what, kill] of Object.entries({
  "a runner is": () => killService("runner-2"),
  "the sandboxes of a runner are": async () => killSandboxesOf("runner-1"),
})) {
  test(`${what} killed with calls that have begun: safe ones are run again, unsafe ones are said to be lost`, async (t) => {
    const mine = newChecker();
    checkers.push(mine);
    checker = mine;
    recorder.holdUntil(BEGUN * GATEWAYS.length);
    const clients = Array.from({ length: BEGUN }, (_, number) => clientOf(number % GATEWAYS.length));
    const calls = clients.map((client, number) =>
      client.call(callOf(number % GATEWAYS.length, number % 8 < 4 ? READ_MANY : MAKE_MANY)),
    );
    await until(() => recorder.held === BEGUN, { message: () => `${recorder.held} calls have begun` });
    await kill();
    recorder.letGo();
    await Promise.all(calls);
    for (const client of clients) client.close();
    t.diagnostic(`${mine.summary}; the slowest took ${Math.round(mine.slowestMs)} ms`);
    assert.deepEqual(mine.faults, []);
    assert.match(mine.summary, /POST 200/);
    assert.match(mine.summary, /POST 502 (runner|instance)_lost/);
    assert.doesNotMatch(mine.summary, /GET 502 runner_lost/);
    await untilAllSlotsWork();
  });
}

test("with every runner dead, requests are refused in time, and served again when one is back", async (t) => {
  const { method, url } = callOf(0, READ_MANY);
  await Promise.all([platform.service("runner-1").kill(), platform.service("runner-2").kill()]);
  const answer = await send({ method, url });
  t.diagnostic(`${answer.status} after ${answer.tookMs.toFixed(0)} ms`);
  assert.ok(answer.status === 200 || answer.status === 503, answer.text);
  assert.ok(answer.tookMs < DEADLINE_MS, `${answer.tookMs} ms`);
  await untilAllSlotsWork();
});

test("nothing of all that was executed late, after its load was over", () => {
  assert.deepEqual(
    checkers.flatMap(({ faults }) => faults),
    [],
  );
});

/** A sandbox and a runner killed with -9 while long calls are under way: what may be repeated is repeated, nothing else is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { descendantsOf, type ProcessEntry, provision, send, testPlatform } from "@millrace/e2e-tests";
import { until } from "@millrace/testing";
import { type Outcome, startLoad, summary } from "./load.ts";

const TIMEOUT_MS = 4_000;
/** The gateway adds two seconds for queueing and starting cold; half a second more is ours to measure. */
const ANSWER_MS_MAX = TIMEOUT_MS + 2_500;
const SLOTS_PER_RUNNER = 16;
const SLOTS = SLOTS_PER_RUNNER * 2;
const LOST = ["instance_lost", "runner_lost"];

const platform = await testPlatform({ runners: 2, runnerSlots: SLOTS_PER_RUNNER });
const { rpc } = platform;
const WORK = `
  const instance = crypto.randomUUID();
  export default {
    async fetch(request) {
      const startedAt = Date.now();
      const workMs = Number(new URL(request.url).searchParams.get("ms"));
      await new Promise((resolve) => setTimeout(resolve, workMs));
      return Response.json({ instance, startedAt });
    },
  };`;
const shop = await provision(rpc, {
  functions: { work: { code: WORK, config: { timeoutMs: TIMEOUT_MS } } },
  apis: {
    read: { method: "GET", path: "/work", backend: "work" },
    make: { method: "POST", path: "/work", backend: "work" },
  },
});
const urlOf = (workMs: number): string => `${shop.deployment().pathUrl}/work?ms=${workMs}`;
const url = urlOf(40);
await until(async () => (await send({ url })).status === 200, { timeoutMs: 10_000 });

type Work = { readonly instance: string; readonly startedAt: number };
const workOf = ({ text }: Outcome): Work => JSON.parse(text) as Work;

/** The processes that hold tenants' code are the leaves below the runners. */
function sandboxes(runner: string): ProcessEntry[] {
  const below = descendantsOf([platform.service(runner).pid!]);
  const parents = new Set(below.map(({ parent }) => parent));
  return below.filter(({ pid }) => !parents.has(pid));
}

/** As many calls at once as both runners have slots for are answered by an instance on each. */
function untilBothServe(): Promise<unknown> {
  return until(
    async () => {
      const outcomes = await startLoad(
        Array.from({ length: SLOTS }, () => () => ({ url: urlOf(100) })),
        { once: true },
      ).stop();
      if (outcomes.some(({ status }) => status !== 200)) return undefined;
      return new Set(outcomes.map((outcome) => workOf(outcome).instance)).size >= 2;
    },
    { timeoutMs: 20_000, message: "both runners to serve" },
  );
}

/** What is under way when something is killed: long enough, and few enough, that all of it has begun by then. */
const LONG_WORK_MS = 800;
const LONG_CALLS = 12;
const BEGUN_AFTER_MS = 400;

const KILLS: Record<string, () => Promise<void>> = {
  "the sandboxes of a runner": async () => {
    for (const { pid } of sandboxes("runner-1")) process.kill(pid, "SIGKILL");
  },
  "a runner": () => platform.service("runner-2").kill(),
};

for (const [what, kill] of Object.entries(KILLS)) {
  test(`killing ${what} repeats no POST that has begun: it is answered 502, and what else was under way is not touched`, async (t) => {
    await untilBothServe();
    const calls = ["GET", "POST"].flatMap((method) =>
      Array.from({ length: LONG_CALLS }, () => ({ method, url: urlOf(LONG_WORK_MS) })),
    );
    const load = startLoad(
      calls.map((call) => () => call),
      { once: true },
    );
    await pause(BEGUN_AFTER_MS);
    const killedAt = Date.now();
    await kill();
    const outcomes = await load.stop();
    t.diagnostic(summary(outcomes));
    for (const outcome of outcomes) {
      if (outcome.status !== 200) assert.ok(outcome.status === 502 && LOST.includes(outcome.reason), summary(outcomes));
      else if (outcome.method === "POST")
        assert.ok(workOf(outcome).startedAt < killedAt, `a POST began again: ${summary(outcomes)}`);
    }
    const posts = outcomes.filter(({ method }) => method === "POST");
    assert.ok(
      posts.some(({ status }) => status === 502) && posts.some(({ status }) => status === 200),
      summary(outcomes),
    );
    await untilBothServe();
  });
}

test("with every runner dead, requests are refused in time and served again when one is back", async (t) => {
  await Promise.all([platform.service("runner-1").kill(), platform.service("runner-2").kill()]);
  const answer = await send({ url });
  t.diagnostic(`${answer.status} after ${answer.tookMs.toFixed(0)} ms`);
  assert.ok(answer.status === 200 || answer.status === 503, answer.text);
  assert.ok(answer.tookMs < ANSWER_MS_MAX, `${answer.tookMs} ms`);
  await until(async () => (await send({ url })).status === 200, { timeoutMs: 20_000 });
});

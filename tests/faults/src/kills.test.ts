/**
 * A sandbox and a runner killed with -9 under load: every request gets exactly one answer before its deadline, what may be repeated
 * is repeated, nothing else is, and capacity returns.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  allProcesses,
  type Call,
  descendantsOf,
  type ProcessEntry,
  provision,
  send,
  testPlatform,
} from "@millrace/e2e-tests";
import { until } from "@millrace/testing";
import { type Load, type Outcome, startLoad, summary } from "./load.ts";

const TIMEOUT_MS = 4_000;
/** The gateway adds two seconds for queueing and starting cold; half a second more is ours to measure. */
const ANSWER_MS_MAX = TIMEOUT_MS + 2_500;
const CALLERS = { GET: 75, POST: 25 };
const WARM_CALLS = 400;
const CALLS_AFTERWARDS = 400;
const LOST = ["instance_lost", "runner_lost"];

const platform = await testPlatform({ runners: 2 });
const { rpc } = platform;
const WORK = `
  const instance = crypto.randomUUID();
  export default {
    async fetch() {
      const startedAt = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 40));
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
const url = `${shop.deployment().pathUrl}/work`;
await until(async () => (await send({ url })).status === 200, { timeoutMs: 10_000 });

const makers = Object.entries(CALLERS).flatMap(([method, count]) =>
  Array.from({ length: count }, () => (): Call => ({ method, url })),
);

type Work = { readonly instance: string; readonly startedAt: number };
const workOf = ({ text }: Outcome): Work => JSON.parse(text) as Work;

/** Loads, kills in the middle, and goes on until as many calls again have come back. */
async function loadAround(kill: () => Promise<void>): Promise<{ outcomes: readonly Outcome[]; killedAt: number }> {
  const load = startLoad(makers);
  await answered(load, WARM_CALLS);
  const killedAt = Date.now();
  await kill();
  await answered(load, load.outcomes.length + CALLS_AFTERWARDS);
  await until(() => load.outcomes.slice(-CALLS_AFTERWARDS / 2).every(({ status }) => status === 200), {
    timeoutMs: 20_000,
    message: () => `only successes again; the last were ${summary(load.outcomes.slice(-CALLS_AFTERWARDS / 2))}`,
  });
  return { outcomes: await load.stop(), killedAt };
}

const answered = (load: Load, count: number): Promise<unknown> =>
  until(() => load.outcomes.length >= count, {
    timeoutMs: 20_000,
    message: () => `${count} answers; there were ${load.outcomes.length}: ${summary(load.outcomes)}`,
  });

function assertOneAnswerEach(t: TestContext, outcomes: readonly Outcome[], killedAt: number): void {
  t.diagnostic(summary(outcomes));
  const slowest = Math.max(...outcomes.map(({ tookMs }) => tookMs));
  t.diagnostic(`the slowest of ${outcomes.length} answers took ${slowest.toFixed(0)} ms`);
  assert.ok(slowest < ANSWER_MS_MAX, `${slowest} ms`);
  for (const { status, reason, tookMs } of outcomes) {
    const documented = status === 200 || (status === 502 && LOST.includes(reason));
    assert.ok(documented, `${status} ${reason} after ${tookMs.toFixed(0)} ms in: ${summary(outcomes)}`);
  }
  const early = outcomes.filter(({ sentAt, tookMs }) => sentAt + tookMs < killedAt);
  assert.ok(early.length > 0 && early.every(({ status }) => status === 200), summary(early));
}

/** A POST that was being worked on when its instance died must not have begun again elsewhere. */
function assertNoPostRepeated(outcomes: readonly Outcome[], killedAt: number): void {
  const underWay = outcomes.filter(
    ({ method, status, sentAt }) => method === "POST" && status === 200 && sentAt < killedAt,
  );
  for (const outcome of underWay) {
    const { startedAt } = workOf(outcome);
    // Sent well before the kill it had begun by then; begun after it, it was begun twice.
    const waitedMs = startedAt - outcome.sentAt;
    assert.ok(
      killedAt - outcome.sentAt < 200 || startedAt <= killedAt,
      `a POST began ${waitedMs} ms after it was sent`,
    );
  }
}

/** The processes that hold tenants' code are the leaves below the runners. */
function sandboxes(runner: string): ProcessEntry[] {
  const below = descendantsOf([platform.service(runner).pid!]);
  const parents = new Set(below.map(({ parent }) => parent));
  return below.filter(({ pid }) => !parents.has(pid));
}

test("two runners share the load before anything is killed", async () => {
  const load = startLoad(makers);
  await answered(load, WARM_CALLS);
  const outcomes = await load.stop();
  assert.ok(
    outcomes.every(({ status }) => status === 200),
    summary(outcomes),
  );
  const instances = new Set(outcomes.map((outcome) => workOf(outcome).instance));
  assert.ok(instances.size >= 2, `${instances.size} instances`);
});

test("killing the sandboxes of a runner under load loses no request and no capacity", async (t) => {
  const killed = sandboxes("runner-1");
  assert.ok(killed.length > 0, "the runner has sandbox processes");
  const { outcomes, killedAt } = await loadAround(async () => {
    for (const { pid } of killed) process.kill(pid, "SIGKILL");
  });
  assertOneAnswerEach(t, outcomes, killedAt);
  assertNoPostRepeated(outcomes, killedAt);
  await until(() => sandboxes("runner-1").length > 0, { message: "a new sandbox" });
  assert.equal(platform.said.filter((line) => /^runner-1 ended/.test(line)).length, 0, "the supervisor lives on");
});

test("killing a runner under load loses no request, leaves no sandbox behind, and the runner comes back", async (t) => {
  const left = sandboxes("runner-2").map(({ pid }) => pid);
  const { outcomes, killedAt } = await loadAround(() => platform.service("runner-2").kill());
  assertOneAnswerEach(t, outcomes, killedAt);
  assertNoPostRepeated(outcomes, killedAt);
  await until(() => platform.said.some((line) => /^runner-2 is back/.test(line)), { timeoutMs: 20_000 });
  await until(() => !allProcesses().some(({ pid }) => left.includes(pid)), { message: "the old sandboxes to be gone" });
});

test("with every runner dead, requests are refused in time and served again when one is back", async (t) => {
  await Promise.all([platform.service("runner-1").kill(), platform.service("runner-2").kill()]);
  const answer = await send({ url });
  t.diagnostic(`${answer.status} after ${answer.tookMs.toFixed(0)} ms`);
  assert.ok(answer.status === 200 || answer.status === 503, answer.text);
  assert.ok(answer.tookMs < ANSWER_MS_MAX, `${answer.tookMs} ms`);
  await until(async () => (await send({ url })).status === 200, { timeoutMs: 20_000 });
});

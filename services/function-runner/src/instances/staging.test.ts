import assert from "node:assert/strict";
import { test } from "node:test";
import { CANCELLATION } from "@millrace/frames";
import { until } from "@millrace/testing";
import { type Answer, startTestRunner, type TestRunner } from "../runner-fixture.ts";

type Deployed = ReturnType<TestRunner["deploy"]>;

// Counts in a file how often it began, and how many calls it has at a time.
const CODE = `import fs from "node:fs";
  let running = 0;
  export async function handler(event) {
    console.log("begun", event.detail.path);
    fs.appendFileSync(process.env.TMPDIR + "/begun", event.detail.path + "\\n");
    if (++running > 1) throw new Error("two at a time");
    try {
      const { path } = event.detail;
      if (path.startsWith("/wait")) await new Promise((resolve) => setTimeout(resolve, 3_000));
      if (path.startsWith("/hang")) await new Promise(() => {});
      if (path.startsWith("/spin")) for (;;) {}
      const busyUntil = performance.now() + (path.startsWith("/k") ? 3 : 0);
      while (performance.now() < busyUntil);
      return { statusCode: 200, body: fs.readFileSync(process.env.TMPDIR + "/begun", "utf8") };
    } finally { running--; }
  }`;

/** A function that is known to be short and to compute: calls of it are given ahead. */
async function deployShort(runner: TestRunner, options = {}): Promise<Deployed> {
  const record = runner.deploy(CODE, { timeoutMs: 1_000, ...options });
  const learn = async () => {
    assert.equal((await runner.call(record, { target: "/learn" })).status, 200);
    return runner.pools.poolOf(record).stagedMax >= 8;
  };
  // On a machine that is busy with other things it takes a while until a short call is seen to be one.
  await until(learn, { timeoutMs: 30_000 });
  return record;
}

async function begun(runner: TestRunner, record: Deployed): Promise<string[]> {
  const { body, ...answer } = await runner.call(record, { target: "/read" });
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return body.toString().trim().split("\n");
}

function assertAllAnswered(answers: Answer[]): void {
  assert.deepEqual(
    answers.map(({ status, failed }) => failed ?? status),
    answers.map(() => 200),
  );
}

const staged = (runner: TestRunner, record: Deployed) =>
  [...runner.pools.poolOf(record).instances].reduce((sum, instance) => sum + instance.staged, 0);

test("calls are given ahead to a handler that is short, begin one after the other, each once", async (t) => {
  const runner = await startTestRunner(t, { slots: 64 });
  const record = await deployShort(runner);
  const calls = Array.from({ length: 60 }, (_, i) => runner.call(record, { target: `/c${i}` }));
  assert.ok(staged(runner, record) > 0);
  assertAllAnswered(await Promise.all(calls));
  const counted = (await begun(runner, record)).filter((path) => path.startsWith("/c"));
  assert.deepEqual(counted.sort(), Array.from({ length: 60 }, (_, i) => `/c${i}`).sort());
});

test("calls that were given ahead to one that waits go elsewhere, and begin once", async (t) => {
  const runner = await startTestRunner(t, { slots: 64 });
  const record = await deployShort(runner, { timeoutMs: 10_000 });
  const slow = runner.call(record, { target: "/wait" });
  const others = Array.from({ length: 8 }, (_, i) => runner.call(record, { target: `/o${i}` }));
  assert.equal(staged(runner, record), 8);
  const first = await Promise.race([slow.then(() => "slow"), Promise.all(others).then(() => "others")]);
  assert.equal(first, "others");
  assertAllAnswered(await Promise.all(others));
  assert.equal((await slow).status, 200);
  const counted = (await begun(runner, record)).filter((path) => path.startsWith("/o"));
  assert.deepEqual(counted.sort(), Array.from({ length: 8 }, (_, i) => `/o${i}`).sort());
});

for (const fault of ["/hang", "/spin"]) {
  test(`calls that were given ahead to one that never ends (${fault}) outlive its instance, and begin once`, async (t) => {
    const runner = await startTestRunner(t, { slots: 64 });
    const record = await deployShort(runner, { timeoutMs: 600 });
    const stuck = runner.call(record, { target: fault, remainingMs: 5_000 });
    const others = Array.from({ length: 6 }, (_, i) => runner.call(record, { target: `/o${i}`, remainingMs: 5_000 }));
    assert.equal((await stuck).failed, "function_timeout");
    assertAllAnswered(await Promise.all(others));
    const counted = (await begun(runner, record)).filter((path) => path.startsWith("/o"));
    assert.deepEqual(counted.sort(), Array.from({ length: 6 }, (_, i) => `/o${i}`).sort());
    await until(() => runner.placing.slotsBusy === 0);
  });
}

test("a call that was given ahead and whose caller leaves or whose time is over never begins", async (t) => {
  const runner = await startTestRunner(t, { slots: 64 });
  const record = await deployShort(runner, { timeoutMs: 2_000 });
  const spinning = runner.call(record, { target: "/spin", remainingMs: 900 });
  const left = runner.begin(record, { target: "/left" });
  const late = runner.call(record, { target: "/late", remainingMs: 300 });
  await until(() => staged(runner, record) === 2);
  left.cancel(CANCELLATION.callerGone);
  const { failed } = await late;
  assert.equal(failed, "function_timeout");
  assert.equal((await spinning).failed, "function_timeout");
  await until(() => runner.placing.slotsBusy === 0);
  const paths = await begun(runner, record);
  assert.deepEqual(
    paths.filter((path) => path === "/left" || path === "/late"),
    [],
  );
});

test("calls that were given ahead are lost with a sandbox that is killed, or begin elsewhere, but none begins twice", async (t) => {
  const runner = await startTestRunner(t, { slots: 64 });
  const record = await deployShort(runner, { timeoutMs: 5_000 });
  const calls = Array.from({ length: 60 }, (_, i) => runner.call(record, { target: `/k${i}` }));
  assert.ok(staged(runner, record) > 0);
  await until(() => runner.placing.slotsBusy < 50);
  const sandbox = runner.sandboxes.at(-1)!;
  process.kill(sandbox.pid!, "SIGKILL");
  const answers = await Promise.all(calls);
  await until(() => sandbox.hasEnded);
  assert.ok(answers.some(({ failed }) => failed));
  assert.ok(answers.every(({ status, failed }) => status === 200 || failed === "instance_lost"));
  await until(() => runner.placing.slotsBusy === 0);
  const told = runner.lines().filter((line) => line.startsWith("info: begun /k"));
  assert.equal(new Set(told).size, told.length);
  const { body: _, ...again } = await runner.call(record);
  assert.equal(again.status, 200, JSON.stringify(again));
});

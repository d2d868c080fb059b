import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { SANDBOX_LIMITS } from "../limits.ts";
import { startTestRunner, startTestSupply } from "../runner-fixture.ts";

const { blankMemoryMib, channels, spares } = SANDBOX_LIMITS;

test("each instance has the heap that its function asks for, whether a blank thread had it or not", async (t) => {
  const runner = await startTestRunner(t);
  const code = `import { resourceLimits } from "node:worker_threads";
    export const handler = async () => ({ statusCode: 200, body: String(resourceLimits.maxOldGenerationSizeMb) });`;
  for (const memoryMib of [blankMemoryMib, 256, blankMemoryMib, 192]) {
    const { body } = await runner.call(runner.deploy(code, { memoryMib }));
    assert.equal(body.toString(), String(memoryMib));
  }
  assert.equal(runner.sandboxes.length, 1);
});

test("an instance takes the thread that waits, and another is made ahead, of the size asked for last", async (t) => {
  const runner = await startTestRunner(t);
  const code = `import { threadId } from "node:worker_threads";
    export const handler = async () => ({ statusCode: 200, body: String(threadId) });`;
  const threadOf = async (memoryMib: number) =>
    Number((await runner.call(runner.deploy(code, { memoryMib }))).body.toString());
  const first = await threadOf(blankMemoryMib);
  const sandbox = runner.sandboxes[0]!;
  await until(() => sandbox.blank?.memoryMib === blankMemoryMib && !sandbox.isPreparing, { timeoutMs: 15_000 });
  assert.equal(await threadOf(blankMemoryMib), first + 1, "the next thread, which was there");
  await until(() => sandbox.blank?.memoryMib === blankMemoryMib && !sandbox.isPreparing, { timeoutMs: 15_000 });
  assert.equal(await threadOf(256), first + 3, "passes by the one that waits");
  await threadOf(256);
  await until(() => sandbox.blank?.memoryMib === 256 && !sandbox.isPreparing, { timeoutMs: 15_000 });
  assert.equal(sandbox.instances, 4);
});

test("blank sandboxes are there ahead of need, one is made for each that is given away, and one that ends is replaced", async (t) => {
  const { supply } = await startTestSupply(t);
  const { launcher, counters } = supply;
  const launched: ChildProcess[] = [];
  const launch = launcher.launch.bind(launcher);
  launcher.launch = (what) => {
    launched.push(launch(what));
    return launched.at(-1)!;
  };
  supply.refill();
  await until(() => counters.started === spares, { timeoutMs: 10_000 });
  const given = supply.take();
  await given.booted;
  assert.equal(given.blank?.memoryMib, blankMemoryMib);
  await until(() => counters.started === spares + 1, { timeoutMs: 10_000 });
  launched.at(-1)!.kill("SIGKILL");
  await until(() => counters.started === spares + 2, { timeoutMs: 10_000 });
});

test("the last channel of a sandbox is not used up by a thread that waits", async (t) => {
  const { supply } = await startTestSupply(t);
  const sandbox = supply.take();
  const listener = { onFrame() {}, onEnded() {} };
  const load = {
    ...{ folder: "/nowhere", handler: "", functionName: "f", functionVersion: "1" },
    ...{ environment: {}, hostLoopback: [] },
  };
  for (let used = 1; used < channels; used++) {
    sandbox.startInstance({ ...load, memoryMib: blankMemoryMib }, listener).stop(10_000);
  }
  sandbox.prepare({ memoryMib: blankMemoryMib, withWeb: false });
  assert.deepEqual([sandbox.blank, sandbox.takesInstances], [undefined, true]);
  sandbox.startInstance({ ...load, memoryMib: blankMemoryMib }, listener);
  assert.equal(sandbox.takesInstances, false);
});

test("a sandbox that does not hear when it is asked for another thread ends, and another serves", async (t) => {
  const runner = await startTestRunner(t);
  const code = `import fs from "node:fs";
    export const handler = async ({ detail }) => {
      if (detail.path === "/steal") for (;;) try { fs.readSync(3, Buffer.alloc(65536)); } catch {}
      return { statusCode: 200 };
    };`;
  const thief = runner.deploy(code, { timeoutMs: 12_000 });
  await runner.call(thief);
  const sandbox = runner.sandboxes[0]!;
  await until(() => sandbox.blank !== undefined && !sandbox.isPreparing, { timeoutMs: 15_000 });
  const stealing = runner.call(thief, { target: "/steal" });
  const begun = performance.now();
  const others = [256, 512].map((memoryMib) => runner.call(runner.deploy(code, { memoryMib, timeoutMs: 12_000 })));
  for (const other of await Promise.all(others)) assert.equal(other.status, 200);
  assert.ok(performance.now() - begun < SANDBOX_LIMITS.hearingTimeoutMs + 4_000);
  assert.match((await stealing).failed!, /^(instance_lost|function_timeout)$/);
});

test("a sandbox whose functions look closer at requests holds a thread that is ready for that", async (t) => {
  const runner = await startTestRunner(t);
  const tell = `Response.json(process.moduleLoadList.includes("NativeModule internal/deps/undici/undici"))`;
  const plain = `export default { fetch: () => ${tell} };`;
  const closer = `const early = ${tell}; export default { fetch: (request) => request.headers.get("host") && early };`;
  const ask = async (code: string) => (await runner.call(runner.deploy(code, { shape: "fetch" }))).body.toString();
  const another = () => until(() => sandbox.blank && !sandbox.isPreparing, { timeoutMs: 15_000 });
  assert.equal(await ask(closer), "false", "the first thread is for any project");
  const sandbox = runner.sandboxes[0]!;
  await another();
  assert.equal(await ask(closer), "true");
  await another();
  await ask(plain);
  await another();
  assert.equal(await ask(plain), "false", "one of its own kind again");
});

test("a sandbox that is killed takes nothing more, though it is not gone yet", async (t) => {
  const { supply } = await startTestSupply(t);
  const sandbox = supply.take();
  await sandbox.booted;
  assert.equal(sandbox.takesInstances, true);
  sandbox.kill();
  assert.deepEqual([sandbox.takesInstances, sandbox.hasEnded], [false, false]);
  await sandbox.exited;
});

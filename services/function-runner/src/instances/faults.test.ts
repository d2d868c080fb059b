import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { startTestRunner } from "../runner-fixture.ts";

const runner = await startTestRunner(test);
const OK = `return { statusCode: 200, body: "ok" };`;

/** A function that does `fault` when asked to, and answers otherwise. */
function deployFault(fault: string, options = {}) {
  return runner.deploy(
    `import fs from "node:fs";
     export async function handler(event) { if (event.detail.path === "/fault") { ${fault} } ${OK} }`,
    options,
  );
}

async function measure<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const began = performance.now();
  return { result: await work(), ms: performance.now() - began };
}

test("a function that hangs is timed out, hears its signal, and is replaced", async () => {
  const hang = `await new Promise((_, reject) => context.signal.addEventListener("abort", () => { console.log("aborted", context.signal.reason.name); reject(context.signal.reason); }));`;
  const record = runner.deploy(
    `export async function handler(event, context) { if (event.detail.path === "/fault") { ${hang} } ${OK} }`,
    { timeoutMs: 300 },
  );
  await runner.call(record);
  const { result, ms } = await measure(() => runner.call(record, { target: "/fault" }));
  assert.equal(result.failed, "function_timeout");
  assert.ok(ms < 900, `${ms} ms`);
  await until(() => runner.lines().includes("info: aborted TimeoutError"));
  assert.equal((await runner.call(record)).status, 200);
});

test("a function that never settles loses its instance, and its slot comes back", async () => {
  const record = deployFault("await new Promise(() => {});", { timeoutMs: 200 });
  assert.equal((await runner.call(record, { target: "/fault" })).failed, "function_timeout");
  await until(() => runner.placing.slotsBusy === 0);
  assert.equal((await runner.call(record)).status, 200);
});

test("an endless loop is timed out and ended without its sandbox; what it printed before is kept", async () => {
  const record = deployFault(`console.log("before the loop"); for (;;) {}`, { timeoutMs: 300, project: "loops" });
  const neighbour = deployFault("", { project: "loops" });
  await Promise.all([runner.call(neighbour), runner.call(record)]);
  const { result, ms } = await measure(() => runner.call(record, { target: "/fault" }));
  assert.equal(result.failed, "function_timeout");
  assert.ok(ms < 900, `${ms} ms`);
  await until(() => runner.placing.slotsBusy === 0);
  await until(() => runner.lines().includes("info: before the loop"));
  assert.equal((await runner.call(neighbour)).cold, false);
  assert.equal((await runner.call(record)).status, 200);
});

test("a loop that terminate() cannot stop costs the sandbox; neighbours are told instance_lost", async () => {
  const blocked = `(await import("node:crypto")).pbkdf2Sync("a", "b", 2 ** 31 - 1, 64, "sha512");`;
  const record = deployFault(blocked, { timeoutMs: 300, project: "blocked" });
  const neighbour = deployFault("await new Promise((resolve) => setTimeout(resolve, 5000));", {
    project: "blocked",
    timeoutMs: 10_000,
  });
  await runner.call(neighbour);
  const waiting = runner.call(neighbour, { target: "/fault" });
  assert.equal((await runner.call(record, { target: "/fault" })).failed, "function_timeout");
  assert.equal((await waiting).failed, "instance_lost");
  assert.equal((await runner.call(record)).status, 200);
  assert.equal((await runner.call(neighbour)).status, 200);
});

test("heap, buffers and strings beyond the limit are function_out_of_memory", async () => {
  const record = deployFault(
    `const kept = []; for (;;) { kept.push(event.detail.queryParameters.how === "heap" ? new Array(1e4).fill({}) : Buffer.alloc(1 << 20, 1)); if (kept.length % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 5)); }`,
    { timeoutMs: 10_000, memoryMib: 64 },
  );
  assert.equal((await runner.call(record, { target: "/fault?how=heap" })).failed, "function_out_of_memory");
  assert.equal((await runner.call(record, { target: "/fault?how=buffers" })).failed, "function_out_of_memory");
  assert.equal((await runner.call(record)).status, 200);
});

test("a thrown error is function_error; the provider's log has its stack, the caller nothing of it", async () => {
  const record = deployFault(`throw new TypeError("password=hunter2");`);
  const answer = await runner.call(record, { target: "/fault" });
  assert.equal(answer.failed, "function_error");
  assert.doesNotMatch(JSON.stringify(answer), /hunter2/);
  await until(() =>
    runner.lines().some((line) => /^error: TypeError: password=hunter2\n {4}at handler \(index\.mjs:2:/.test(line)),
  );
});

test("the causes of a thrown error are in the log too, also when they go round", async () => {
  const record = deployFault(`const first = new Error("the first");
    first.cause = new Error("the last", { cause: first });
    throw first;`);
  await runner.call(record, { target: "/fault" });
  await until(() =>
    runner.lines().some((line) => /^error: Error: the first\n[\s\S]*\ncaused by: Error: the last\n/.test(line)),
  );
});

test("whatever is thrown, the call fails and the instance lives", async () => {
  for (const thrown of [
    "null",
    "undefined",
    "7",
    "{ get stack() { throw 1 } }",
    "new Proxy({}, {})",
    "Object.create(null)",
  ]) {
    const record = deployFault(`throw ${thrown};`);
    assert.equal((await runner.call(record, { target: "/fault" })).failed, "function_error", thrown);
    assert.equal((await runner.call(record)).cold, false, thrown);
  }
});

test("a function that ends its process fails its call and is started again", async () => {
  const record = deployFault("process.exit(3);");
  assert.equal((await runner.call(record, { target: "/fault" })).failed, "function_error");
  assert.equal((await runner.call(record)).status, 200);
  await until(() => runner.lines().some((line) => /instance ended: exited: exit code 3/.test(line)));
});

test("an error outside any call ends the instance; a rejection that nobody handles does not", async () => {
  const crash = deployFault(
    `setTimeout(() => { throw new Error("later"); }, 5); await new Promise((r) => setTimeout(r, 500));`,
  );
  assert.equal((await runner.call(crash, { target: "/fault" })).failed, "function_error");
  const rejection = deployFault(
    `void Promise.reject(new Error("nobody")); await new Promise((r) => setTimeout(r, 20));`,
  );
  assert.equal((await runner.call(rejection, { target: "/fault" })).status, 200);
  await until(() => runner.lines().some((line) => line.startsWith("error: Unhandled rejection: Error: nobody")));
});

test("kill -9 of a sandbox under calls answers instance_lost within a second, and capacity returns", async () => {
  const record = deployFault("await new Promise((resolve) => setTimeout(resolve, 8000));", {
    project: "killed",
    timeoutMs: 10_000,
  });
  await runner.call(record);
  const calls = Array.from({ length: 4 }, () => runner.call(record, { target: "/fault" }));
  const running = () => [...runner.pools.poolOf(record).instances].filter((instance) => instance.calls === 1).length;
  await until(() => running() === 4);
  const { result, ms } = await measure(() => {
    process.kill(runner.sandboxes.at(-1)!.pid!, "SIGKILL");
    return Promise.all(calls);
  });
  assert.deepEqual(
    result.map(({ failed }) => failed),
    Array(4).fill("instance_lost"),
  );
  assert.ok(ms < 1_000, `${ms} ms`);
  assert.equal(runner.placing.slotsBusy, 0);
  const again = await Promise.all(Array.from({ length: 4 }, () => runner.call(record)));
  assert.deepEqual(
    again.map(({ status }) => status),
    Array(4).fill(200),
  );
});

test("garbage and forged frames on any descriptor cost the sandbox, never the supervisor", async () => {
  const frame = (type: number, call: number, payload = "") =>
    `Buffer.concat([Buffer.from([${6 + payload.length}, 0, 0, 0, ${type}, 1, ${call}, 0, 0, 0]), Buffer.from(${JSON.stringify(payload)})])`;
  const forgeries = {
    "noise on the control channel": `fs.writeSync(3, "garbage, and more of it");`,
    "noise on its own channel": `fs.writeSync(4, Buffer.alloc(64, 255));`,
    "a huge length": `fs.writeSync(4, Buffer.from([255, 255, 255, 127, 18, 1, 1, 0, 0, 0]));`,
    "a head of no call": `fs.writeSync(4, ${frame(18, 99)});`,
    "a response without a head": `fs.writeSync(4, ${frame(2, 2, "chunk")});`,
    "a head that does not hold together": `fs.writeSync(4, ${frame(18, 2, "zz")});`,
    "an end of no instance": `fs.writeSync(3, ${frame(67, 9)});`,
    "a frame of the supervisor's": `fs.writeSync(4, ${frame(1, 2)});`,
    "a platform's failure": `fs.writeSync(4, ${frame(19, 2, "\u0008\u0000no_route\u0000\u0000")});`,
  };
  for (const [name, forgery] of Object.entries(forgeries)) {
    const record = deployFault(`${forgery} await new Promise((resolve) => setTimeout(resolve, 1000));`, {
      project: name,
    });
    await runner.call(record);
    const violations = runner.supply.counters.violations;
    assert.equal((await runner.call(record, { target: "/fault" })).failed, "instance_lost", name);
    assert.equal(runner.supply.counters.violations, violations + 1, name);
    assert.equal((await runner.call(record)).status, 200, name);
  }
});

test("a function that closes descriptors only loses itself", async () => {
  const record = deployFault(
    "for (let fd = 3; fd < 80; fd++) try { fs.closeSync(fd); } catch {} await new Promise(() => {});",
    {
      project: "closer",
      timeoutMs: 500,
    },
  );
  await runner.call(record);
  const answer = await runner.call(record, { target: "/fault" });
  assert.match(answer.failed!, /^(instance_lost|function_timeout|function_error)$/);
  await until(() => runner.placing.slotsBusy === 0);
  assert.equal((await runner.call(record)).status, 200);
});

test("a function that does not load fails its calls with function_init_failed, at once while it rests", async () => {
  const record = runner.deploy(`throw new Error("no database");`);
  assert.equal((await runner.call(record)).failed, "function_init_failed");
  const again = runner.call(record);
  assert.equal(runner.pools.poolOf(record).size, 0, "nothing is started for it");
  assert.equal((await again).failed, "function_init_failed");
  runner.logs.flush();
  assert.ok(runner.lines().some((line) => line.startsWith("error: Error: no database\n    at index.mjs:1:7")));
});

test("what a function prints is bounded, and what was dropped is counted", async () => {
  const record = deployFault(`for (let i = 0; i < 3000; i++) console.log("line", i);`);
  const before = runner.lines().length;
  await runner.call(record, { target: "/fault" });
  await until(() => runner.lines().length > before);
  const lines = runner.lines().slice(before);
  assert.equal(lines.filter((line) => line.startsWith("info: line")).length, 1000);
  assert.ok(lines.some((line) => line.startsWith("platform: 2000 lines were dropped")));
});

test("a version that keeps killing its sandbox is held back, visibly; its project's other functions are not", async () => {
  const record = deployFault(
    "fs.writeSync(4, Buffer.alloc(64, 255)); await new Promise((resolve) => setTimeout(resolve, 1000));",
    { project: "deadly" },
  );
  const neighbour = deployFault("", { project: "deadly" });
  await runner.call(record);
  const answers = [];
  do answers.push(await runner.call(record, { target: "/fault" }));
  while (answers.length < 20 && !answers.at(-1)!.rejected);
  assert.ok(answers.length > 3 && answers.slice(0, -1).every(({ failed }) => failed === "instance_lost"));
  assert.equal(answers.at(-1)!.rejected, "quarantined");
  assert.equal((await runner.call(neighbour)).status, 200);
  await until(() =>
    runner.lines().some((line) => /^platform: function_quarantined: .* tried again in 15 s$/.test(line)),
  );
});

test("an instance that is lost or retired is replaced before anybody calls", async () => {
  const record = deployFault(
    `if (event.detail.queryParameters.how === "exit") process.exit(1); await new Promise(() => {});`,
    { timeoutMs: 200 },
  );
  for (const [how, reason] of [
    ["exit", "function_error"],
    ["hang", "function_timeout"],
  ]) {
    assert.equal((await runner.call(record)).status, 200);
    assert.equal((await runner.call(record, { target: `/fault?how=${how}` })).failed, reason);
    const ready = () => [...runner.pools.poolOf(record).instances].filter(({ state }) => state === "ready").length;
    await until(() => ready() === 1);
    assert.equal((await runner.call(record)).cold, false);
  }
});

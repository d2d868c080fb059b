// Functions that go round what V8 and the permission flags bound: shared memory, files, and floods on the descriptors they hold.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { SANDBOX_LIMITS } from "../limits.ts";
import { startTestRunner } from "../runner-fixture.ts";
import { SANDBOX_FRAME } from "../sandbox/sandbox-frames.ts";

const runner = await startTestRunner(test);
const OK = `return { statusCode: 200, body: "ok" };`;

function deployFault(fault: string, options = {}) {
  return runner.deploy(
    `import fs from "node:fs";
     const keep = [];
     const moment = () => new Promise((resolve) => setTimeout(resolve, 50));
     export async function handler(event) { if (event.detail.path === "/fault") { ${fault} } ${OK} }`,
    { timeoutMs: 20_000, ...options },
  );
}

const HOLD = {
  "shared memory": `keep.push(new Uint8Array(new SharedArrayBuffer(64 * 2 ** 20)).fill(1));`,
  "WebAssembly memory": `keep.push(new Uint8Array(new WebAssembly.Memory({ initial: 1024 }).buffer).fill(1));`,
};

for (const [what, code] of Object.entries(HOLD)) {
  test(`${what} counts too: a function with 128 MiB that takes a gigabyte fails with function_out_of_memory`, async () => {
    const record = deployFault(`for (let i = 0; i < 16; i++) { ${code} await moment(); }`, { project: what });
    await runner.call(record);
    assert.equal((await runner.call(record, { target: "/fault" })).failed, "function_out_of_memory");
    assert.equal((await runner.call(record)).status, 200, "capacity returns");
  });
}

const FILES_OF_MANY_BYTES = {
  "large files": `const bytes = Buffer.alloc(60 * 2 ** 20);
    for (let i = 0; i < 9; i++) { fs.writeFileSync(process.env.TMPDIR + "/" + i, bytes); await moment(); }`,
  "deleted files that stay open": `const bytes = Buffer.alloc(60 * 2 ** 20);
    for (let i = 0; i < 9; i++) {
      keep.push(fs.openSync(process.env.TMPDIR + "/" + i, "w"));
      fs.unlinkSync(process.env.TMPDIR + "/" + i);
      fs.writeSync(keep.at(-1), bytes);
      await moment();
    }`,
};

const MANY_FILES = {
  "many empty files in folders": `for (let i = 0; i < 50; i++) {
      const folder = process.env.TMPDIR + "/d" + i;
      fs.mkdirSync(folder);
      for (let j = 0; j < 100; j++) fs.writeFileSync(folder + "/" + j, "");
    }`,
};

test("node:sqlite, whose ATTACH would pass by the permission model, is not there", async () => {
  const record = deployFault(`
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite") ?? {};
    return { statusCode: 200, body: String(DatabaseSync) };`);
  const answer = await runner.call(record, { target: "/fault" });
  assert.deepEqual([answer.status, answer.body?.toString()], [200, "undefined"]);
});

// Where the folder is a file system in memory, the kernel refuses what is over its quota; elsewhere the sandbox is killed for it.
const isQuotaExact = runner.supply.launcher.tier === "full";

if (isQuotaExact)
  for (const [what, code] of Object.entries(FILES_OF_MANY_BYTES))
    test(`a function that fills its folder with ${what} is told that it is full, and may go on`, async () => {
      const record = deployFault(`try { ${code} } catch ({ code }) { return { statusCode: 507, body: code }; }`, {
        project: what,
      });
      const answer = await runner.call(record, { target: "/fault" });
      assert.deepEqual([answer.status, answer.body.toString()], [507, "ENOSPC"]);
      assert.equal((await runner.call(record)).status, 200);
    });

for (const [what, code] of Object.entries({ ...(isQuotaExact ? {} : FILES_OF_MANY_BYTES), ...MANY_FILES })) {
  test(`a function cannot fill the disk with ${what}`, async () => {
    const record = deployFault(`${code} await new Promise(() => {});`, { project: what });
    await runner.call(record);
    const violations = runner.supply.counters.violations;
    assert.equal((await runner.call(record, { target: "/fault" })).failed, "instance_lost");
    assert.equal(runner.supply.counters.violations, violations + 1);
    assert.equal((await runner.call(record)).status, 200, "capacity returns");
  });
}

/** Writes the frame over and over, past whatever the instance itself would send. */
const flood = (fd: number, frame: number[], first = "") =>
  `${first} const bytes = Buffer.concat(Array(5_000).fill(Buffer.from(${JSON.stringify(frame)})));
   for (const until = Date.now() + 4_000; Date.now() < until; ) {
     for (let at = 0; at < bytes.length; ) try { at += fs.writeSync(${fd}, bytes, at); } catch {}
   }`;
const frame = (type: number, call: number, payload: number[] = []) => [
  ...[6 + payload.length, 0, 0, 0, type, 0, call, 0, 0, 0],
  ...payload,
];
const BEGIN_ANSWER = `fs.writeSync(4, Buffer.from(${JSON.stringify(frame(18, 2, [200, 0, 0, 0]))}));`;

const FLOODS = {
  "chunks without a byte": flood(4, frame(2, 2), BEGIN_ANSWER),
  "credit for a body that never came": flood(4, frame(4, 2, [1, 0, 0, 0])),
  "credit of nothing": flood(4, frame(4, 2, [0, 0, 0, 0])),
  "answers to no ping": flood(4, frame(SANDBOX_FRAME.pong, 0)),
  "lines outside any call": flood(4, frame(SANDBOX_FRAME.output, 0, [1])),
  "lines of its call": flood(4, frame(SANDBOX_FRAME.output, 2, [1])),
  "word of its boot": flood(3, frame(SANDBOX_FRAME.booted, 0)),
  "word that it is blank": flood(4, frame(SANDBOX_FRAME.ready, 0)),
  "its standard error": flood(2, [65, 10]),
};

for (const [what, code] of Object.entries(FLOODS)) {
  test(`a flood of ${what} costs the sandbox`, async () => {
    const record = deployFault(code, { project: what });
    await runner.call(record);
    const violations = runner.supply.counters.violations;
    assert.equal((await runner.call(record, { target: "/fault" })).failed, "instance_lost");
    assert.equal(runner.supply.counters.violations, violations + 1);
    assert.equal((await runner.call(record)).status, 200, "capacity returns");
  });
}

test("who floods its standard output is heard by nobody, and costs the supervisor nothing", async () => {
  const code = `const bytes = Buffer.alloc(65_536, 65);
    for (const until = Date.now() + 1_000; Date.now() < until; ) fs.writeSync(1, bytes);`;
  const record = deployFault(code, { project: "talker" });
  await runner.call(record);
  const before = process.cpuUsage();
  assert.equal((await runner.call(record, { target: "/fault" })).status, 200);
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 500_000, `${user + system} µs of the supervisor's time`);
});

test("a function that prints without end outside its calls is cut short, not killed", async () => {
  const record = deployFault(
    `setTimeout(() => { for (const until = Date.now() + 1_000; Date.now() < until; ) console.log("again"); });`,
    { project: "chatter" },
  );
  await runner.call(record);
  const violations = runner.supply.counters.violations;
  await runner.call(record, { target: "/fault" });
  assert.equal((await runner.call(record)).status, 200);
  assert.equal(runner.supply.counters.violations, violations);
});

test("a sandbox whose channels are used up ends when its last instance has", async () => {
  const record = deployFault("process.exit(1);", { project: "leaver" });
  const given = runner.sandboxes.length;
  while (runner.sandboxes.length < given + 2) await runner.call(record, { target: "/fault" });
  await until(() => runner.sandboxes[given]!.hasEnded, { timeoutMs: 10_000 });
});

test("an instance may not use what its idle neighbours leave of their limits", async () => {
  const project = "spacious";
  for (let i = 0; i < 12; i++) await runner.call(deployFault("", { project, memoryMib: 256 }));
  const record = deployFault(
    `for (let i = 0; i < 24; i++) { keep.push(new Uint8Array(new SharedArrayBuffer(64 * 2 ** 20)).fill(1)); await moment(); }`,
    { project },
  );
  await runner.call(record);
  assert.equal((await runner.call(record, { target: "/fault" })).failed, "instance_lost");
  assert.equal((await runner.call(record)).status, 200, "capacity returns");
});

test("when all sandboxes together hold too much, the largest ends; the others are served", async (t) => {
  const crowd = await startTestRunner(t);
  const small = crowd.deploy(`export const handler = async () => { ${OK} };`, { project: "small" });
  const large = crowd.deploy(
    `const keep = []; export const handler = async () => {
       for (let i = 0; i < 8; i++) keep.push(Buffer.alloc(16 * 2 ** 20, 1));
       await new Promise(() => {});
     };`,
    { project: "large", memoryMib: 256, timeoutMs: 20_000 },
  );
  await crowd.call(small);
  const lost = crowd.call(large);
  await until(() => crowd.placing.slotsBusy === 1 && crowd.sandboxes[1]?.instances === 1);
  crowd.supply.boundMemory((200 * 2 ** 20) / SANDBOX_LIMITS.memoryShareMax);
  assert.equal((await lost).failed, "function_out_of_memory");
  assert.equal((await crowd.call(small)).cold, false);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { until } from "@millrace/testing";
import { cpuMsBetween, instanceThreadsOf, readCpu, residentMiB } from "./usage.ts";

const BUSY_MS = 300;
const PROGRAM = `
  const { Worker } = require("node:worker_threads");
  const spin = "while (process.threadCpuUsage().user < ${BUSY_MS} * 1000);";
  new Worker(spin + "setInterval(() => {}, 1000);", { eval: true });
  globalThis.held = Buffer.alloc(64 * 1024 * 1024, 1);
`;

async function startProgram(t: TestContext): Promise<number> {
  const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: "ignore" });
  await once(child, "spawn");
  t.after(() => void child.kill("SIGKILL"));
  return child.pid!;
}

test("a thread's time is that of the busy thread, and part of its process's", async (t) => {
  const pid = await startProgram(t);
  const { sandbox, instances } = await until(
    () => {
      const used = cpuMsBetween(new Map(), readCpu({ sandbox: [pid] }));
      return used.instances! >= BUSY_MS && used;
    },
    { timeoutMs: 10_000 },
  );
  assert.equal(instanceThreadsOf(pid).length, 1);
  assert.ok(sandbox! >= instances!, `${sandbox} ms of the process, ${instances} ms of its thread`);
});

test("what a process holds is resident", async (t) => {
  const pid = await startProgram(t);
  await until(() => residentMiB(pid) > 64, { timeoutMs: 10_000 });
});

test("a process that is gone has used nothing and holds nothing", () => {
  const before = readCpu({ gateway: [2 ** 30] });
  assert.deepEqual(cpuMsBetween(before, readCpu({ gateway: [2 ** 30], sandbox: [2 ** 30] })), {
    gateway: 0,
    sandbox: 0,
    instances: 0,
  });
  assert.ok(Number.isNaN(residentMiB(2 ** 30)));
});

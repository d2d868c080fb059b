import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ManagedProcess, type ProcessSpec } from "./managed-process.ts";
import { choosePorts } from "./ports.ts";
import { ProcessLedger, startTime } from "./process-ledger.ts";
import { poll } from "./until.ts";

async function until(isSo: () => boolean): Promise<void> {
  const options = { timeoutMs: 5_000, intervalMs: 10, giveUp: () => false };
  assert.ok(await poll(async () => isSo(), options), `not in time: ${isSo}`);
}

/** Writes its pid once it has started; everything else is up to the script that follows. */
const ANNOUNCE = 'require("node:fs").writeFileSync("pid", String(process.pid));';
const FOR_EVER = `${ANNOUNCE} setInterval(() => {}, 1000);`;

function setUp(t: TestContext, script: string, changes: Partial<ProcessSpec> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-process-"));
  const said: string[] = [];
  const ledger = new ProcessLedger(join(folder, "run"));
  const host = { ledger, log: (line: string) => said.push(line), processes: new Set<ManagedProcess>() };
  const pidFile = join(folder, "pid");
  const spec: ProcessSpec = {
    name: "worker",
    argv: () => [process.execPath, "-e", script],
    cwd: folder,
    logFile: join(folder, "worker.log"),
    probe: async () => Number(readFileSync(pidFile, "utf8")) === managed.pid,
    startTimeoutMs: 5_000,
    startAttemptsMax: 1,
    stopSignal: "SIGTERM",
    stopTimeoutMs: 5_000,
    ...changes,
  };
  const managed: ManagedProcess = new ManagedProcess(spec, host);
  t.after(async () => {
    await managed.stop();
    rmSync(folder, { recursive: true });
  });
  return { managed, said, ledger, folder };
}

test("a crashed process is started again, and both is said", async (t) => {
  const { managed, said } = setUp(t, FOR_EVER);
  await managed.start();
  const first = managed.pid;
  await managed.kill();
  await until(
    () => managed.pid !== undefined && managed.pid !== first && said.some((line) => line.includes("is back")),
  );
  assert.ok(said.some((line) => /^worker ended \(SIGKILL\); starting it again in \d+ ms$/.test(line)));
});

test("a stopped process stays stopped and leaves nothing in the ledger", async (t) => {
  const { managed, ledger, folder } = setUp(t, FOR_EVER);
  await managed.start();
  const pid = managed.pid!;
  assert.deepEqual(readdirSync(join(folder, "run")), ["worker.json"]);
  await managed.stop();
  assert.equal(startTime(pid), undefined);
  assert.equal(managed.pid, undefined);
  assert.deepEqual(await ledger.reap(), []);
  assert.deepEqual(readdirSync(join(folder, "run")), []);
});

test("a process that ignores the signal is killed at the deadline", async (t) => {
  const { managed, said } = setUp(t, `process.on("SIGTERM", () => {}); ${FOR_EVER}`, { stopTimeoutMs: 200 });
  await managed.start();
  const pid = managed.pid!;
  await managed.stop();
  assert.equal(startTime(pid), undefined);
  assert.ok(said.includes("worker did not stop within 200 ms and is killed"));
});

test("a process that ends at once is reported with the end of its log", async (t) => {
  const { managed } = setUp(t, 'console.error("the port is taken"); process.exit(3);');
  await assert.rejects(managed.start(), (error: Error) => {
    assert.match(error.message, /^worker did not start: it ended \(exit code 3\)/);
    assert.match(error.message, /the port is taken/);
    return true;
  });
});

test("a process that is stopped while it starts does not start", async (t) => {
  const { managed } = setUp(t, FOR_EVER, { probe: async () => false, startTimeoutMs: 20_000 });
  const starting = assert.rejects(managed.start(), /it was stopped|it ended/);
  await until(() => managed.pid !== undefined);
  const pid = managed.pid!;
  await managed.stop();
  await starting;
  assert.equal(startTime(pid), undefined);
});

test("what a process started itself does not outlive it", async (t) => {
  const grandchild = `require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" }).pid`;
  const script = `require("node:fs").writeFileSync("grandchild", String(${grandchild})); ${FOR_EVER}`;
  const { managed, folder } = setUp(t, script);
  await managed.start();
  const pid = Number(readFileSync(join(folder, "grandchild"), "utf8"));
  assert.notEqual(startTime(pid), undefined);
  await managed.stop();
  await until(() => startTime(pid) === undefined);
});

const START_ONE = `
  import { ManagedProcess } from "${import.meta.dirname}/managed-process.ts";
  import { ProcessLedger } from "${import.meta.dirname}/process-ledger.ts";
  const folder = process.argv[2];
  const host = { ledger: new ProcessLedger(folder + "/run"), log() {}, processes: new Set() };
  const one = new ManagedProcess({
    name: "worker", argv: () => [process.execPath, "-e", process.argv[3]], cwd: folder,
    logFile: folder + "/worker.log", probe: async () => true, startTimeoutMs: 5000, startAttemptsMax: 1,
    stopSignal: "SIGTERM", orphanSignal: "SIGKILL", stopTimeoutMs: 5000,
  }, host);
  await one.start();
  console.log(one.pid);
  setInterval(() => {}, 1000);`;

test("children die with a parent that is killed by kill -9, even those that would not stop", {
  skip: process.platform !== "linux",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-parent-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "parent.ts"), START_ONE);
  const child = `process.on("SIGTERM", () => {}); ${FOR_EVER}`;
  const argv = [join(folder, "parent.ts"), folder, child];
  const parent = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => parent.kill("SIGKILL"));
  const [printed] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(String(printed));
  // The kernel is asked to end it with its parent just before its program begins; one that has begun is covered.
  await until(() => existsSync(join(folder, "pid")));
  assert.notEqual(startTime(pid), undefined);
  parent.kill("SIGKILL");
  await until(() => startTime(pid) === undefined);
});

test("the next start ends what an earlier one left, but no stranger that got its pid", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-ledger-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const left = spawn("sleep", ["60"], { detached: true });
  const stranger = spawn("sleep", ["60"], { detached: true });
  t.after(() => stranger.kill("SIGKILL"));
  const ledger = new ProcessLedger(folder);
  ledger.add("left", left.pid!, "SIGTERM");
  const entry = { pid: stranger.pid, startedAt: "1", stopSignal: "SIGTERM" };
  writeFileSync(join(folder, "stranger.json"), JSON.stringify(entry));
  assert.deepEqual(await ledger.reap(), ["left"]);
  assert.equal(startTime(left.pid!), undefined);
  assert.notEqual(startTime(stranger.pid!), undefined);
  assert.deepEqual(readdirSync(folder), []);
});

test("a wanted port is taken when it is free, else another; no two names get the same", async () => {
  const { a } = await choosePorts(["a"], {});
  const ports = await choosePorts(["a", "b", "c"], { a: a!, b: a! });
  assert.equal(ports.a, a);
  assert.equal(new Set(Object.values(ports)).size, 3);
});

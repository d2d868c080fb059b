import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { repositoryRoot, unprivilegedHome } from "@millrace/local";
import { until } from "@millrace/testing";

// What a newcomer does: start, try the printed line, stop with Ctrl-C, start again.

const FIRST_START_TIMEOUT_MS = 120_000;
const SECOND_START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 60_000;

const state = mkdtempSync(join(tmpdir(), "millrace-start-"));
const started = new Set<ChildProcess>();
after(() => {
  for (const child of started) child.kill("SIGKILL");
  for (const folder of [unprivilegedHome(state), state]) rmSync(folder, { recursive: true, force: true });
});

function start(...flags: string[]) {
  const script = join(repositoryRoot, "infra/local/bin/start.mjs");
  const child = spawn(process.execPath, [script, "--state", state, ...flags], {
    // A group of its own, as a terminal gives to what is in its foreground.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return { child, exited, output: () => output };
}

async function untilCall(running: ReturnType<typeof start>, timeoutMs: number): Promise<string> {
  return until(
    () => {
      assert.equal(running.child.exitCode, null, running.output());
      return /^curl (\S+)$/m.exec(running.output())?.[1];
    },
    { timeoutMs, message: () => `no line to try:\n${running.output()}` },
  );
}

/** Everything that the platform says it has started. */
function recordedPids(): number[] {
  const folder = join(state, "run");
  return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")).pid as number);
}

function isAlive(pid: number): boolean {
  const stat = join("/proc", String(pid), "stat");
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
}

async function stopByTerminal(running: ReturnType<typeof start>): Promise<void> {
  const pids = recordedPids();
  assert.ok(pids.length >= 8, "three engines and five services");
  process.kill(-running.child.pid!, "SIGINT");
  const timeout = AbortSignal.timeout(STOP_TIMEOUT_MS);
  const code = await Promise.race([running.exited, once(timeout, "abort").then(() => "still running")]);
  assert.equal(code, 0, running.output());
  assert.deepEqual(pids.filter(isAlive), []);
  assert.ok(!existsSync(join(state, "platform.json")));
}

test("npm start prints a line that works, refuses a second start, ends with Ctrl-C, and data survive", async () => {
  const first = start();
  const call = await untilCall(first, FIRST_START_TIMEOUT_MS);
  assert.equal((await fetch(call)).status, 200);

  const second = start();
  assert.equal(await second.exited, 1);
  assert.match(second.output(), /^Millrace is already running here as process \d+ .*\n$/);

  await stopByTerminal(first);

  const startedAt = Date.now();
  const again = start();
  const sameCall = await untilCall(again, SECOND_START_TIMEOUT_MS);
  assert.ok(Date.now() - startedAt < SECOND_START_TIMEOUT_MS);
  assert.equal((await fetch(sameCall)).status, 200);
  assert.ok(!again.output().includes("deploying"), "the example is deployed once");
  await stopByTerminal(again);
});

test("a stop while it starts leaves nothing behind", async () => {
  const running = start();
  await until(() => running.output().includes("ready in"), { timeoutMs: FIRST_START_TIMEOUT_MS });
  const pids = recordedPids();
  running.child.kill("SIGTERM");
  assert.equal(await running.exited, 0);
  assert.match(running.output(), /stopped before it was ready/);
  assert.deepEqual(pids.filter(isAlive), []);
});

test("a flag that is not known is refused before anything starts", async () => {
  const running = start("--runner", "3");
  assert.equal(await running.exited, 1);
  assert.match(running.output(), /--runner/);
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { repositoryRoot, startPlatform, unprivilegedHome } from "@millrace/local";
import { until } from "@millrace/testing";

// What can go wrong with `npm start`; how it goes well is in fresh-clone.test.ts.

const START_TIMEOUT_MS = 120_000;

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

/** Everything that the platform says it has started. */
function recordedPids(): number[] {
  const folder = join(state, "run");
  return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")).pid as number);
}

function isAlive(pid: number): boolean {
  const stat = join("/proc", String(pid), "stat");
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
}

test("a second start says in one line that the first is running", async () => {
  const first = start();
  await until(() => first.output().includes("ready in"), { timeoutMs: START_TIMEOUT_MS });
  const second = start();
  assert.equal(await second.exited, 1);
  assert.match(second.output(), /^Millrace is already running here as process \d+ .*\n$/);
  first.child.kill("SIGTERM");
  assert.equal(await first.exited, 0);
});

test("a stop while it starts leaves nothing behind", async () => {
  const running = start();
  await until(() => running.output().includes("ready in"), { timeoutMs: START_TIMEOUT_MS });
  const pids = recordedPids();
  running.child.kill("SIGTERM");
  assert.equal(await running.exited, 0, running.output());
  assert.match(running.output(), /stopped before it was ready/);
  assert.deepEqual(pids.filter(isAlive), []);
});

test("a flag that is not known is refused before anything starts", async () => {
  const running = start("--runner", "3");
  assert.equal(await running.exited, 1);
  assert.match(running.output(), /--runner/);
});

test("a port that another process takes while the platform starts costs a second attempt, and no more", async (t) => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "millrace-race-"));
  const thief = createServer();
  t.after(() => thief.close());
  const said: string[] = [];
  const log = (line: string): void => {
    said.push(line);
    if (thief.listening || !line.startsWith("control-plane-1 ready")) return;
    const ports = JSON.parse(readFileSync(join(stateDirectory, "ports.json"), "utf8"));
    thief.listen({ host: "127.0.0.1", port: ports["gateway.http"] });
  };
  const platform = await startPlatform({ stateDirectory, ephemeral: true, log });
  t.after(() => platform.destroy());
  const { port } = thief.address() as AddressInfo;
  assert.notEqual(new URL(platform.gatewayUrl).port, String(port));
  assert.equal(said.filter((line) => line.startsWith("another process has taken a port")).length, 1);
  assert.equal((await fetch(platform.gatewayUrl)).status, 404);
});

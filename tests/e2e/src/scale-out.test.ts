import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { choosePorts, repositoryRoot, unprivilegedHome } from "@millrace/local";
import { until } from "@millrace/testing";
import { Cli } from "./support/cli.ts";
import { send } from "./support/http.ts";
import { descendantsOf } from "./support/processes.ts";
import { provision } from "./support/provision.ts";
import { testPlatform } from "./support/test-platform.ts";

// One small runner and two gateways on one port; a second runner joins them, and leaves in every way.

const SLOTS = 2;
const CALLERS = 2 * SLOTS;
const CHANGE_TIMEOUT_MS = 30_000;
const WORK = `export default {
  async fetch() {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return new Response("done");
  },
};`;

const platform = await testPlatform({ gateways: 2, runnerSlots: SLOTS });
const home = mkdtempSync(join(tmpdir(), "millrace-join-"));
const bundleFile = join(home, "north.json");
const cli = new Cli({ home, env: { MILLRACE_PLATFORM_FILE: platform.platformFile } });
const started = new Set<ChildProcess>();
after(() => {
  for (const child of started) child.kill("SIGKILL");
  const states = ["north", "other", "east", "west"].map((name) => join(home, name));
  for (const folder of [...states.map(unprivilegedHome), home]) rmSync(folder, { recursive: true, force: true });
});

const shop = await provision(platform.rpc, {
  functions: { work: { code: WORK, config: { concurrency: 1, timeoutMs: 10_000 } } },
  apis: { work: { method: "GET", path: "/work", backend: "work" } },
});
const url = `${shop.deployment().pathUrl}/work`;
await until(async () => (await send({ url })).status === 200, { timeoutMs: 20_000, message: `${url} to answer` });

type Listed = { readonly id: string; readonly slots: number; readonly slotsBusy?: number };

async function runners(): Promise<readonly Listed[]> {
  return (await cli.json<{ runners: readonly Listed[] }>(["runner", "list"])).runners;
}

async function runnerIds(): Promise<string[]> {
  return (await runners()).map(({ id }) => id);
}

const COMMAND = [join(repositoryRoot, "clients/cli/bin/millrace.mjs"), "runner", "join"];
const FRESH_CLONE = [join(repositoryRoot, "infra/local/bin/join.mjs")];
const RUNNER = [bundleFile, "--slots", String(SLOTS)];

/** As somebody on another machine runs it: with the bundle and nothing else of the platform. */
function startJoin({ state = "north", entry = COMMAND, what = RUNNER, options = [] as string[] } = {}) {
  const args = [...entry, ...what, "--state", join(home, state), ...options];
  const child = spawn(process.execPath, args, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.add(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return { child, exited, said: () => said };
}

async function joinPlatform(how: Parameters<typeof startJoin>[0] = {}) {
  const run = startJoin(how);
  await until(() => run.said().includes("north takes calls"), { timeoutMs: CHANGE_TIMEOUT_MS, message: run.said });
  return run;
}

/** Calls without a pause, on connections that are kept if asked; answers how each call ended. */
function startCallers({ keepAlive = false } = {}) {
  const statuses: number[] = [];
  let stopping = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!stopping) statuses.push((await send({ url, agent })).status);
    agent.destroy();
  });
  const stop = async () => {
    stopping = true;
    await Promise.all(callers);
    return [...new Set(statuses)];
  };
  return { statuses, stop };
}

test("two gateways answer on one port and on their own, and a restart of one costs nobody who keeps a connection", async () => {
  assert.ok(!platform.gatewayUrls.includes(platform.gatewayUrl));
  for (const own of platform.gatewayUrls) {
    assert.equal((await send({ url: url.replace(platform.gatewayUrl, own) })).status, 200);
  }
  const calls = startCallers({ keepAlive: true });
  for (const gateway of ["gateway-1", "gateway-2"]) await platform.service(gateway).restart();
  const more = calls.statuses.length + CALLERS;
  await until(() => calls.statuses.length > more, { timeoutMs: CHANGE_TIMEOUT_MS });
  assert.deepEqual(await calls.stop(), [200]);
});

test("a runner is let in while calls go on, and its bundle is a secret that is shown once", async () => {
  const calls = startCallers();
  const shown = await cli.run(["runner", "create", "north", "--save", bundleFile]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.deepEqual(await calls.stop(), [200]);
  assert.equal(statSync(bundleFile).mode & 0o077, 0);
  const { natsSeed } = JSON.parse(readFileSync(bundleFile, "utf8")) as { natsSeed: string };
  assert.ok(!`${shown.stdout}${shown.stderr}`.includes(natsSeed));
  const again = await cli.run(["runner", "create", "north"]);
  assert.deepEqual([again.code, again.stdout], [1, ""]);
  assert.match(again.stderr, /already/);
});

test("a bundle that others can read is refused", async () => {
  chmodSync(bundleFile, 0o644);
  const { said, exited } = startJoin();
  assert.equal(await exited, 2);
  assert.match(said(), /chmod 600/);
  chmodSync(bundleFile, 0o600);
});

test("calls reach a runner that has joined, and go on when it is killed", async () => {
  assert.deepEqual(await runnerIds(), ["runner-1"]);
  const run = await joinPlatform();
  const calls = startCallers();
  await until(async () => (await runners()).filter(({ slotsBusy = 0 }) => slotsBusy > 0).length === 2, {
    timeoutMs: CHANGE_TIMEOUT_MS,
    message: "both runners to be busy",
  });
  const processes = descendantsOf([run.child.pid!]);
  const seed = (JSON.parse(readFileSync(bundleFile, "utf8")) as { natsSeed: string }).natsSeed;
  assert.ok(processes.length > 0 && processes.every(({ commandLine }) => !commandLine.includes(seed)));
  run.child.kill("SIGKILL");
  await until(async () => (await runnerIds()).join() === "runner-1", { timeoutMs: CHANGE_TIMEOUT_MS });
  const more = calls.statuses.length + CALLERS;
  await until(() => calls.statuses.length > more, { timeoutMs: CHANGE_TIMEOUT_MS });
  assert.deepEqual(await calls.stop(), [200]);
});

test("a bundle serves again when its runner is gone, but one runner at a time", async () => {
  // Through a tunnel the address is another than the platform's own.
  const tunnel = platform.natsUrl.replace("127.0.0.1", "localhost");
  const first = await joinPlatform({ options: ["--nats", tunnel] });
  const second = startJoin({ state: "other" });
  assert.equal(await second.exited, 1);
  assert.match(second.said(), /runner north (is running already|has joined)/);
  const calls = startCallers();
  await until(() => calls.statuses.length > CALLERS, { timeoutMs: CHANGE_TIMEOUT_MS });
  first.child.kill("SIGTERM");
  assert.equal(await first.exited, 0, first.said());
  assert.ok(!existsSync(join(home, "north/secrets")), "what it was told is gone with it");
  assert.deepEqual(await calls.stop(), [200]);
});

test("a runner that is deleted is out at once, and its bundle opens nothing", async () => {
  const run = await joinPlatform({ entry: FRESH_CLONE });
  assert.equal((await cli.run(["runner", "delete", "north"])).code, 0);
  assert.equal(await run.exited, 1, run.said());
  assert.match(run.said(), /was it deleted/);
  const again = startJoin();
  assert.equal(await again.exited, 1);
  assert.match(again.said(), /does not let north in/);
  assert.equal((await send({ url })).status, 200);
});

test("a gateway that joins from elsewhere answers for what is released, one at a time under its name, until it is deleted", async () => {
  const file = join(home, "east.json");
  assert.equal((await cli.run(["gateway", "create", "east", "--save", file])).code, 0);
  const { listen } = await choosePorts(["listen"], {});
  const address = `127.0.0.1:${listen}`;
  const entry = [...FRESH_CLONE, "gateway"];
  const east = { entry, what: [file], options: ["--listen", address] };
  const run = startJoin({ ...east, state: "east" });
  await until(() => run.said().includes(`east answers at http://${address}`), {
    timeoutMs: CHANGE_TIMEOUT_MS,
    message: run.said,
  });
  const there = url.replace(platform.gatewayUrl, `http://${address}`);
  assert.equal((await send({ url: there })).text, "done");
  const second = startJoin({ ...east, state: "west" });
  assert.equal(await second.exited, 1);
  assert.match(second.said(), /another gateway east has joined/);
  assert.equal((await send({ url: there })).text, "done");

  const secrets = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  const processes = descendantsOf([run.child.pid!]);
  for (const name of ["natsSeed", "redisUrl", "serviceKey"])
    assert.ok(
      processes.every(({ commandLine }) => !commandLine.includes(secrets[name]!)),
      name,
    );
  assert.equal((await cli.run(["gateway", "delete", "east"])).code, 0);
  assert.equal(await run.exited, 1, run.said());
  assert.match(run.said(), /was it deleted/);
  assert.equal((await send({ url })).status, 200);
});

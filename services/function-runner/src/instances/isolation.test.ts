import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestRunner } from "../runner-fixture.ts";
import { userOf } from "../sandbox/process-usage.ts";

const runner = await startTestRunner(test);
const isFull = runner.supply.launcher.tier === "full";

/** What code sees, or the code of the error it gets. */
async function ask(expression: string, options = {}) {
  const record = runner.deploy(
    `import fs from "node:fs"; import cp from "node:child_process"; import os from "node:os"; import wt from "node:worker_threads"; import net from "node:net";
     export async function handler() {
       let seen;
       try { seen = await (async () => (${expression}))() ?? null; } catch (error) { seen = { error: error.code ?? error.message }; }
       return { statusCode: 200, body: JSON.stringify(seen) };
     }`,
    options,
  );
  const answer = await runner.call(record);
  assert.equal(answer.failed, undefined, `${answer.failed}`);
  return JSON.parse(answer.body.toString());
}

test("a function sees its own variables and nothing of the runner's environment", async () => {
  process.env.CANARY = "planted";
  const environment = await ask("process.env", { environment: { GREETING: "hello" } });
  delete process.env.CANARY;
  assert.deepEqual(Object.keys(environment).sort(), ["GREETING", "TMPDIR"]);
  assert.equal(environment.GREETING, "hello");
  const ofProcess = await ask("process.report.getReport().environmentVariables");
  assert.deepEqual(ofProcess, isFull ? { PWD: "/code" } : {});
});

test("an environment may be larger than a frame", async () => {
  const environment = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`KEY_${i}`, "\n".repeat(4096)]));
  assert.equal(await ask("Object.values(process.env).join('').length > 128 * 4096", { environment }), true);
});

test("a function reads its own files, and none of the machine's", async () => {
  assert.equal(await ask("fs.readFileSync(new URL(import.meta.url)).length > 0"), true);
  for (const path of ["/etc/passwd", "/proc/self/environ", "/proc/self/mem", process.execPath, import.meta.filename]) {
    const { error } = await ask(`fs.readFileSync(${JSON.stringify(path)})`);
    // A checkout below /tmp: there a sandbox has a folder of its own, without it.
    assert.ok(error === "ERR_ACCESS_DENIED" || (isFull && path.startsWith("/tmp/") && error === "ENOENT"), path);
  }
});

test("a function writes in its temporary folder and nowhere else", async () => {
  assert.equal(
    await ask(`(fs.writeFileSync(os.tmpdir() + "/a", "x"), fs.readFileSync(os.tmpdir() + "/a", "utf8"))`),
    "x",
  );
  assert.deepEqual(await ask(`fs.writeFileSync("/dev/shm/escape", "x")`), { error: "ERR_ACCESS_DENIED" });
  assert.deepEqual(await ask(`fs.writeFileSync(new URL(import.meta.url), "x")`), { error: "ERR_ACCESS_DENIED" });
});

test("a function starts no process and no thread, and opens no inspector", async () => {
  assert.deepEqual(await ask(`cp.execSync("id").toString()`), { error: "ERR_ACCESS_DENIED" });
  assert.deepEqual(await ask(`void new wt.Worker("", { eval: true, execArgv: [] })`), { error: "ERR_ACCESS_DENIED" });
  const inspector = `(await import("node:inspector")).open(0)`;
  assert.deepEqual(await ask(inspector), { error: "ERR_ACCESS_DENIED" });
});

test("an object's prototype cannot be reached by __proto__", async () => {
  assert.deepEqual(await ask(`[typeof {}.__proto__, JSON.stringify({ ["__proto__"]: 1 })]`), [
    "undefined",
    `{"__proto__":1}`,
  ]);
});

test("a sandbox runs as a user of its own when the runner is root", { skip: process.getuid?.() !== 0 }, async () => {
  const uids = [];
  for (const project of ["dairy", "bakery"]) {
    const seen = await ask("process.getuid()", { project });
    uids.push(userOf(runner.sandboxes.at(-1)!.pid!)!);
    assert.equal(seen, isFull ? 1000 : uids.at(-1));
  }
  assert.ok(Math.min(...uids) >= 70_001, `${uids}`);
  assert.notEqual(uids[0], uids[1]);
});

test("no descriptor of the runner's reaches a sandbox", async () => {
  const open = await ask(
    `Array.from({ length: 200 }, (_, fd) => fd).filter((fd) => { try { return fs.fstatSync(fd).isSocket(); } catch { return false; } }).length`,
  );
  // The control channel, the pool of instance channels and the two standard streams; fewer once some are used.
  assert.ok(open <= 67, `${open} sockets`);
});

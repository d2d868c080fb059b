/** The guide to alarms, as its reader types it, with the receiver that stands there. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { freePort, until } from "@millrace/testing";
import { commandsIn, filesIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const GUIDE = "docs/guides/alarms.md";
const platform = await testPlatform({ webhookAllow: ["127.0.0.1"] });

test("the commands of the guide work as they stand, and its receiver hears of a silent function once, and of tests", async () => {
  const port = await freePort();
  const shell = readersShell(platform.platformFile, filesIn(GUIDE));
  const commands = commandsIn(GUIDE).map((line) => line.replaceAll(":9000/", `:${port}/`));
  assert.equal(commands.length, 13);
  const printed: string[] = [];
  for (const line of commands.slice(0, 5)) printed.push(await shell(line));
  const folder = (await shell("pwd")).trim();
  const said: string[] = [];
  const receiver = spawn(process.execPath, ["receiver.ts"], { cwd: folder, env: { PORT: String(port) } });
  after(() => stop(receiver));
  receiver.stdout.on("data", (chunk) => said.push(...String(chunk).trim().split("\n")));
  receiver.stderr.on("data", (chunk) => said.push(String(chunk)));
  await until(() => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status === 401), { timeoutMs: 10_000 });
  const silent = "projects/watched/alarms/silent";
  await until(() => said.includes(`alarm.changed ${silent} alarm`), {
    timeoutMs: 20_000,
    message: () => said.join("\n"),
  });
  for (const line of commands.slice(5)) printed.push(await shell(line));
  const [, , , errors, created, tried, list, one, events, updated, rotated, again, deleted] = printed;
  assert.match(errors!, /^alarm errors: error_rate > 0\.05 over 5 min\nmrw_/);
  assert.match(created!, /saved to .*alarm\.json/);
  assert.doesNotMatch(created!, /mrw_/);
  for (const text of [tried!, again!]) assert.match(text, /^delivered: 204, after \d+ ms \(dl-/);
  assert.match(list!, /errors +ok .*\n *silent +ALARM /);
  assert.match(one!, /condition +invocations < 1 over 1 min/);
  assert.match(events!, /1 +\S+ +ok to ALARM +0 +0 +delivered +\d+ +204/);
  assert.match(updated!, /description +nobody calls/);
  assert.match(rotated!, /the secret before signs until/);
  assert.match(deleted!, /deleted projects\/watched\/alarms\/errors/);
  await until(() => said.filter((line) => line.startsWith("alarm.test")).length === 2);
  assert.equal(said.filter((line) => line.startsWith("alarm.changed")).length, 1);
});

async function stop(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null) return;
  process.kill();
  await once(process, "exit");
}

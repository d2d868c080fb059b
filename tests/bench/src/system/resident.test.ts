import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { until } from "@millrace/testing";
import { growthDuring, residentOf } from "./resident.ts";
import { residentMiB } from "./usage.ts";

const HELD_MIB = 96;
const PROGRAM = `
  let held;
  process.stdin.once("data", () => { held = Buffer.alloc(${HELD_MIB} * 1024 * 1024, 1); });
  setInterval(() => held, 1000);
  console.log("ready");
`;

async function startProgram(t: TestContext) {
  const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

test("a process that took memory meanwhile has grown by it, its neighbour has not, and a newer one does not count", async (t) => {
  const [taker, neighbour] = [await startProgram(t), await startProgram(t)];
  const processes = () =>
    new Map([
      ["taker", taker.pid!],
      ["neighbour", neighbour.pid!],
      ["gone", 2 ** 30],
    ]);
  const before = residentOf(processes);
  before.delete("gone");
  const growth = await growthDuring(processes, before, async () => {
    const startedMiB = residentMiB(taker.pid!);
    taker.stdin.write("\n");
    await until(() => residentMiB(taker.pid!) > startedMiB + HELD_MIB * 0.9, { timeoutMs: 10_000 });
  });
  assert.ok(growth.get("taker")! > HELD_MIB * 0.8, `${growth.get("taker")} MiB`);
  assert.ok(growth.get("neighbour")! < HELD_MIB / 4, `${growth.get("neighbour")} MiB`);
  assert.deepEqual([...growth.keys()].toSorted(), ["neighbour", "taker"]);
});

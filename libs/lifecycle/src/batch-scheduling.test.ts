import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { scheduleAsBatch } from "./batch-scheduling.ts";

const SCHED_BATCH = "3";
/** As proc(5) counts them, behind the name in brackets. */
const POLICY_FIELD = 41 - 3;

const policyOf = (stat: string) => stat.slice(stat.lastIndexOf(")") + 2).split(" ")[POLICY_FIELD];

test("a process that is scheduled as batch says so of itself, and so does what it starts", async (t) => {
  if (!(await scheduleAsBatch())) return t.skip("needs Linux and chrt of util-linux");
  assert.equal(policyOf(readFileSync("/proc/self/stat", "latin1")), SCHED_BATCH);
  assert.equal(policyOf(execFileSync("cat", ["/proc/self/stat"], { encoding: "latin1" })), SCHED_BATCH);
});

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AlreadyRunningError, takeStateDirectory } from "./single-start.ts";

test("a second start is refused by name of the first, and may follow when that has ended", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-single-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const giveBack = takeStateDirectory(folder);
  assert.throws(
    () => takeStateDirectory(folder),
    (error: Error) => error instanceof AlreadyRunningError && error.message.includes(`as process ${process.pid} `),
  );
  giveBack();
  takeStateDirectory(folder)();
  assert.ok(!existsSync(join(folder, "running.json")));
});

test("the mark of a process that is gone, or of another with its pid, holds nobody up", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-single-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const left of [JSON.stringify({ pid: process.pid, startedAt: "another time" }), "", "{"]) {
    writeFileSync(join(folder, "running.json"), left);
    takeStateDirectory(folder)();
  }
});

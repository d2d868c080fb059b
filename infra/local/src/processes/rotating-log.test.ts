import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { logTail, RotatingLog } from "./rotating-log.ts";

test("a log never grows past its bound, keeps one file of what came before, and is for its owner alone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "service.log");
  const log = new RotatingLog(file, 100);
  for (let line = 0; line < 50; line++) log.write(`line ${line}\n`);
  log.end();
  assert.deepEqual(readdirSync(folder).sort(), ["service.log", "service.log.1"]);
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size <= 100);
  assert.match(logTail(file), /line 49\n$/);
  assert.ok(readFileSync(`${file}.1`, "utf8").length > 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

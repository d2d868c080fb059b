import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

test("what the runner was started with is closed, and Node itself goes on", {
  skip: process.platform !== "linux" && "needs /proc",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-inherited-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const secret = join(folder, "secret");
  writeFileSync(secret, "canary");
  const program = `
    import { readdirSync, readlinkSync, readFileSync } from "node:fs";
    import { closeInherited } from ${JSON.stringify(new URL("./inherited.ts", import.meta.url).href)};
    const open = () => readdirSync("/proc/self/fd").filter((fd) => {
      try { return readlinkSync("/proc/self/fd/" + fd).endsWith("/secret"); } catch { return false; }
    }).length;
    const before = open();
    closeInherited();
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(JSON.stringify([before, open(), readFileSync(${JSON.stringify(secret)}, "utf8")]));`;
  // Node sees to those that follow each other from 0 on, and misses what lies beyond a gap.
  const command = ["bash", "-c", 'exec 51<"$0" 251<"$0"; exec "$@"', secret];
  const [file, ...args] = [...command, process.execPath, "--input-type=module", "-e", program];
  const child = spawn(file!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [printed] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  assert.deepEqual(JSON.parse(printed), [2, 0, "canary"]);
});

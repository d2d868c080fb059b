/** The README's five steps, as they stand there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "@millrace/testing";
import { commandsIn, readersShell } from "./support/documents.ts";
import { testPlatform } from "./support/test-platform.ts";

const steps = commandsIn("README.md", "## Five steps", "## Write functions");

test("the five steps of the README work as they stand, from the function to a signed call and its log", async () => {
  const shell = readersShell((await testPlatform()).platformFile);
  assert.equal(steps.length, 10);
  const [logs, call, ...before] = steps.toReversed();
  for (const line of before.toReversed()) await shell(line);
  assert.match(await until(() => shell(call!).catch(() => null), { timeoutMs: 10_000 }), /Hello, Ada!/);
  await until(async () => /hello/.test(await shell(logs!)), { timeoutMs: 10_000 });
});

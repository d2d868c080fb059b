/** The README's five steps, as they stand there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "@millrace/local";
import { until } from "@millrace/testing";
import { testPlatform } from "./support/test-platform.ts";

const COMMAND_TIMEOUT_MS = 60_000;

const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8");
const steps = readme
  .slice(readme.indexOf("## Five steps"), readme.indexOf("## Write functions"))
  .matchAll(/^```sh\n(.*?)^```/gms)
  .flatMap(([, block]) => block!.trim().split("\n"))
  .toArray();

test("the five steps of the README work as they stand, from the function to a signed call and its log", async () => {
  const platform = await testPlatform();
  const folder = mkdtempSync(join(tmpdir(), "millrace-readme-"));
  for (const name of ["examples", "node_modules"]) symlinkSync(join(repositoryRoot, name), join(folder, name));
  const shell = (line: string) =>
    new Promise<string>((settle, reject) => {
      const command = line.replaceAll("npx millrace", `node ${join(repositoryRoot, "clients/cli/bin/millrace.mjs")}`);
      const env = { ...process.env, HOME: folder, MILLRACE_PLATFORM_FILE: platform.platformFile };
      execFile("sh", ["-ec", command], { cwd: folder, env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) =>
        error ? reject(new Error(`${line}\n${stdout}${stderr}`)) : settle(stdout),
      );
    });

  assert.equal(steps.length, 10);
  const [logs, call, ...before] = steps.toReversed();
  for (const line of before.toReversed()) await shell(line);
  assert.match(await until(() => shell(call!).catch(() => null), { timeoutMs: 10_000 }), /Hello, Ada!/);
  await until(async () => /hello/.test(await shell(logs!)), { timeoutMs: 10_000 });
});

import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cli } from "@millrace/e2e-tests";
import { repositoryRoot } from "@millrace/local";
import type { BenchPlatform } from "./platform.ts";

/** An application of `examples`, uploaded with its packages as the command line does it. */
export interface Application {
  /** Its folder in `examples`. */
  folder: string;
  /** What it answers with 200. */
  path: string;
  eventFormat?: "aws-2";
}

/** A file that no program reads: another one makes another artifact of the same code. */
const MARK_FILE = "version.txt";

/** Publishes versions of the application that differ in their artifact only; answers their numbers. */
export async function publishApplication(
  { platform }: BenchPlatform,
  project: string,
  { folder }: Application,
  count: number,
): Promise<number[]> {
  const home = mkdtempSync(join(tmpdir(), "millrace-bench-home-"));
  try {
    const copy = join(home, folder);
    cpSync(join(repositoryRoot, "examples", folder), copy, { recursive: true });
    symlinkSync(join(repositoryRoot, "node_modules"), join(home, "node_modules"));
    const cli = new Cli({ home, env: { MILLRACE_PLATFORM_FILE: platform.platformFile } });
    const run = (...args: string[]) =>
      cli.json<{ number: number }>(["function", ...args, "--project", project.replace("projects/", "")]);
    await run("create", folder);
    const numbers: number[] = [];
    for (let i = 1; i <= count; i++) {
      writeFileSync(join(copy, MARK_FILE), String(i));
      await run("upload", folder, copy);
      numbers.push((await run("publish", folder)).number);
    }
    return numbers;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

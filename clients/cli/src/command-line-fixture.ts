import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { registerCommands, runCommandLine } from "./mod.ts";

export interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A folder that goes away with its test, with these files in it. */
export function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** Runs a command line in `home`, which is also where it looks for and saves profiles. */
export async function run(
  home: string,
  argv: readonly string[],
  { input = "", env = {}, isTTY = false }: { input?: string; env?: Record<string, string>; isTTY?: boolean } = {},
): Promise<Run> {
  const stdout = Object.assign(new Sink(), { isTTY });
  const stderr = new Sink();
  const terminal = { argv, env, cwd: home, home, stdin: Readable.from([input]), stdout, stderr };
  const exitCode = await runCommandLine(terminal, { version: "1.2.3", register: registerCommands });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

/** What a platform that runs in `folder` would leave there. */
export function writePlatformFile(folder: string, addresses: { controlPlane?: string; auth?: string }): void {
  mkdirSync(join(folder, ".millrace"), { recursive: true });
  const { controlPlane = "127.0.0.1:9", auth = "127.0.0.1:9" } = addresses;
  const file = { controlPlaneAddress: controlPlane, authAddress: auth, adminToken: "operator-token" };
  writeFileSync(join(folder, ".millrace/platform.json"), JSON.stringify(file));
}

class Sink extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Programs that tests call from outside, as a user would. Where the machine lacks one it is unpacked privately, like an engine. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchDebianPackages, libraryPath } from "../../bootstrap/debian-packages.mjs";
import { findExecutable } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { enginesFolder } from "../paths.ts";

const TOOLS = ["curl"];

/** Puts what is missing into PATH. What cannot be had is said; its tests are skipped. */
export async function provideTools(log: (line: string) => void): Promise<void> {
  for (const name of TOOLS.filter((tool) => findExecutable(tool) === undefined)) {
    try {
      process.env.PATH = [process.env.PATH, await unpack(name, log)].join(delimiter);
    } catch (error) {
      log(`${name} is not on this machine, so tests that need it are skipped (${describeError(error)})`);
    }
  }
}

/** The folder of a script that runs the program with its own libraries. */
async function unpack(name: string, log: (line: string) => void): Promise<string> {
  const folder = join(enginesFolder(), name);
  if (!existsSync(folder)) {
    log(`fetching the Debian package ${name}`);
    await fetchDebianPackages({ packages: [name], suite: "host", withDependencies: true, into: folder });
  }
  const scripts = join(folder, "scripts");
  mkdirSync(scripts, { recursive: true });
  const libraries = libraryPath(folder);
  writeFileSync(
    join(scripts, name),
    `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec '${folder}/usr/bin/${name}' "$@"\n`,
  );
  chmodSync(join(scripts, name), 0o755);
  return scripts;
}

/**
 * What a function runner needs on the machine besides Node: bubblewrap, and a Node that uids other than ours can execute, which
 * one inside a private home folder is not.
 */
import { copyFileSync, existsSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { findExecutable } from "../command.ts";
import { fetchDebianPackages, whyNoPackages } from "../engines/debian-packages.ts";
import { isRoot, isTraversable, makeOpenDirectory } from "../paths.ts";

/** The folder to put behind PATH so that `bwrap` is found, or nothing when the machine has it or it cannot be had. */
export async function provideBubblewrap(
  enginesFolder: string,
  log: (line: string) => void,
): Promise<string | undefined> {
  if (process.platform !== "linux" || findExecutable("bwrap") !== undefined) return undefined;
  const folder = join(enginesFolder, "bubblewrap");
  try {
    if (!existsSync(folder)) {
      const why = whyNoPackages();
      if (why !== undefined) throw new Error(why);
      log("fetching the Debian package bubblewrap");
      await fetchDebianPackages({ packages: ["bubblewrap"], suite: "host", withDependencies: false, into: folder });
    }
    return join(folder, "usr/bin");
  } catch (error) {
    log(`bubblewrap cannot be fetched (${(error as Error).message}); sandboxes are weaker until it is installed`);
    return undefined;
  }
}

/** The Node that runners and their sandboxes run on: ours, or as root a copy that everybody can execute. */
export function provideNode(home: string): string {
  const own = process.execPath;
  if (!isRoot() || isTraversable(dirname(own))) return own;
  const folder = makeOpenDirectory(join(home, `node-${process.version}`));
  const copy = join(folder, "node");
  if (!existsSync(copy) || statSync(copy).size !== statSync(own).size) {
    const unfinished = `${copy}.${process.pid}`;
    copyFileSync(own, unfinished);
    renameSync(unfinished, copy);
  }
  return copy;
}

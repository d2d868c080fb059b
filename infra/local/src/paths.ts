/** Folders and users of the platform; what the first step of every entry point needs as well is in bootstrap/homes.mjs. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isRoot } from "../bootstrap/homes.mjs";

export {
  defaultStateDirectory,
  enginesFolder,
  isRoot,
  makeOpenDirectory,
  repositoryRoot,
  unprivilegedHome,
} from "../bootstrap/homes.mjs";

const PRIVATE_UIDS = { first: 61_200, count: 3_000 };

/** Makes a folder for its owner alone. */
export function makePrivateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

export type User = { readonly uid: number; readonly gid: number };

/**
 * As root, the uid that engines of this home run under: a number that belongs to nobody else on the machine, the same at
 * every start. Undefined for other users, who run everything as themselves.
 */
export function engineUser(home: string): User | undefined {
  if (!isRoot()) return undefined;
  const owner = statSync(join(home, "data"), { throwIfNoEntry: false })?.uid ?? 0;
  if (owner !== 0) return { uid: owner, gid: owner };
  const taken = new Set(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => Number(line.split(":")[2])),
  );
  const offset = createHash("sha256").update(home).digest().readUInt32BE(0);
  for (let step = 0; step < PRIVATE_UIDS.count; step++) {
    const uid = PRIVATE_UIDS.first + ((offset + step) % PRIVATE_UIDS.count);
    if (!taken.has(uid)) return { uid, gid: uid };
  }
  throw new Error(`no free uid between ${PRIVATE_UIDS.first} and ${PRIVATE_UIDS.first + PRIVATE_UIDS.count}`);
}

/**
 * Where things are: the clone, what Millrace makes in it, and the folders that other users of the machine must be able to
 * enter. PostgreSQL never runs as root and sandboxes run under uids of their own, so as root some folders belong outside
 * a clone that lies in /root or in a private temporary folder.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";

export const repositoryRoot = resolve(import.meta.dirname, "../../..");
export const defaultStateDirectory = join(repositoryRoot, ".millrace");

const SYSTEM_STATE = "/var/lib/millrace";
const PRIVATE_UIDS = { first: 61_200, count: 3_000 };

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Makes a folder that its owner writes and everybody may traverse, whatever the umask is. */
export function makeOpenDirectory(path: string): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
  return path;
}

/** Makes a folder for its owner alone. */
export function makePrivateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

/**
 * The folder where what unprivileged uids need is kept (engines, their data, runner caches): the given state directory where any
 * user can reach it, else one under `/var/lib/millrace/<hash of the clone's state directory>`. Only root needs the
 * second, since only root starts processes under other uids.
 */
export function unprivilegedHome(stateDirectory: string): string {
  const wanted = resolve(stateDirectory);
  if (!isRoot() || isTraversable(dirname(wanted))) return wanted;
  const inside = relative(defaultStateDirectory, wanted);
  const isInside = !inside.startsWith("..") && !isAbsolute(inside);
  const hash = createHash("sha256").update(isInside ? defaultStateDirectory : wanted);
  return join(SYSTEM_STATE, hash.digest("hex").slice(0, 16), isInside ? inside : "");
}

/** True when every user of the machine may enter the folder and all above it. */
export function isTraversable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (exists(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
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

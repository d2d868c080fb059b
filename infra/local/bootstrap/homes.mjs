// Where things are: the clone, what Millrace makes in it, and the folders that other users of the machine must be able to enter. PostgreSQL never
// runs as root and sandboxes run under uids of their own, so as root some folders belong outside a clone that lies in /root or in a
// private temporary folder.
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const defaultStateDirectory = join(repositoryRoot, ".millrace");

const SYSTEM_STATE = "/var/lib/millrace";

export const isRoot = () => process.getuid?.() === 0;

/**
 * Makes a folder that its owner writes and everybody may traverse, whatever the umask is.
 * @param {string} path
 */
export function makeOpenDirectory(path) {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
  return path;
}

/**
 * The folder where what unprivileged uids need is kept (engines, their data, runner caches): the given state directory where any
 * user can reach it, else one under `/var/lib/millrace/<hash of the clone's state directory>`. Only root needs the
 * second, since only root starts processes under other uids.
 * @param {string} stateDirectory
 */
export function unprivilegedHome(stateDirectory) {
  const wanted = resolve(stateDirectory);
  if (!isRoot() || isTraversable(dirname(wanted))) return wanted;
  const inside = relative(defaultStateDirectory, wanted);
  const isInside = !inside.startsWith("..") && !isAbsolute(inside);
  const hash = createHash("sha256").update(isInside ? defaultStateDirectory : wanted);
  return join(SYSTEM_STATE, hash.digest("hex").slice(0, 16), isInside ? inside : "");
}

/** Where unpacked programs are; the same for every platform of this clone. */
export const enginesFolder = () => join(unprivilegedHome(defaultStateDirectory), "engines");

/**
 * True when every user of the machine may enter the folder and all above it.
 * @param {string} path
 */
function isTraversable(path) {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false });
    if (found !== undefined && (found.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

import {
  type Dirent,
  lstatSync,
  opendirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SANDBOX_LIMITS } from "../limits.ts";

// What a sandbox's process uses, as the kernel tells. A process may end at any time: what is gone uses nothing.

const RESIDENT = /^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm;

/** Bytes of memory that are the process's own: not its program, which all sandboxes share. */
export function memoryOf(pid: number): number {
  const status = orNothing(() => readFileSync(`/proc/${pid}/status`, "latin1")) ?? "";
  let kib = 0;
  for (const [, amount] of status.matchAll(RESIDENT)) kib += Number(amount);
  return kib * 1024;
}

/** The process that a command which starts others became in the end: the only child of the only child. */
export function innermostOf(pid: number): number {
  const children = orNothing(() => readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1")) ?? "";
  const child = Number(children.trim());
  return child > 0 ? innermostOf(child) : pid;
}

/** Whose process it is; undefined when it is gone. */
export function userOf(pid: number): number | undefined {
  return orNothing(() => statSync(`/proc/${pid}`).uid);
}

/**
 * Puts the process behind everything else on the machine, as far as the supervisor may: when memory is short it ends first; and where the
 * kernel shares cores between sessions, a process's own nice value counts only within its session.
 */
export function putLast(pid: number): void {
  orNothing(() => writeFileSync(`/proc/${pid}/oom_score_adj`, "1000"));
  orNothing(() => writeFileSync(`/proc/${pid}/autogroup`, String(SANDBOX_LIMITS.nice)));
}

/** Whether there are more files than there may be in a file system in memory, whose bytes are bounded already. */
export function outgrowsMemoryFiles(pid: number, folder: string): boolean {
  const { files, ffree } = orNothing(() => statfsSync(`/proc/${pid}/root${folder}`)) ?? { files: 0, ffree: 0 };
  return files - ffree > SANDBOX_LIMITS.temporaryFilesMax;
}

/** Whether the process keeps more on disk than it may: files in `folder`, and deleted ones that it holds open. */
export function outgrowsDisk(pid: number, folder: string): boolean {
  const usage = { bytes: openDeletedBytes(pid), files: 0 };
  addFolder(folder, usage);
  return isOver(usage);
}

interface Usage {
  bytes: number;
  files: number;
}

function isOver({ bytes, files }: Usage): boolean {
  return bytes > SANDBOX_LIMITS.temporaryBytesMax || files > SANDBOX_LIMITS.temporaryFilesMax;
}

/** Stops as soon as it is too much, so that looking costs no more than what is allowed. */
function addFolder(path: string, usage: Usage, depth = 0): void {
  // Folders within folders can be made so deep that nobody reaches their end by its path.
  if (depth > SANDBOX_LIMITS.temporaryDepthMax) usage.files = Infinity;
  const folder = isOver(usage) ? undefined : orNothing(() => opendirSync(path));
  if (!folder) return;
  const next = () => orNothing(() => folder.readSync());
  for (let entry = next(); entry && !isOver(usage); entry = next())
    addEntry(join(path, entry.name), entry, usage, depth);
  folder.closeSync();
}

function addEntry(path: string, entry: Dirent, usage: Usage, depth: number): void {
  usage.files++;
  if (entry.isDirectory()) addFolder(path, usage, depth + 1);
  else usage.bytes += orNothing(() => lstatSync(path).blocks * BLOCK_BYTES) ?? 0;
}

function openDeletedBytes(pid: number): number {
  let bytes = 0;
  for (const fd of orNothing(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const file = orNothing(() => statSync(`/proc/${pid}/fd/${fd}`));
    if (file?.isFile() && file.nlink === 0) bytes += file.blocks * BLOCK_BYTES;
  }
  return bytes;
}

/** The unit of `blocks`, whatever the file system's own. */
const BLOCK_BYTES = 512;

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

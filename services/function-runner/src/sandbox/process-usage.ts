import { type Dirent, lstatSync, opendirSync, readdirSync, readFileSync, statSync } from "node:fs";
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
function addFolder(path: string, usage: Usage): void {
  const folder = orNothing(() => opendirSync(path));
  if (!folder) return;
  const next = () => orNothing(() => folder.readSync());
  for (let entry = next(); entry && !isOver(usage); entry = next()) addEntry(join(path, entry.name), entry, usage);
  folder.closeSync();
}

function addEntry(path: string, entry: Dirent, usage: Usage): void {
  usage.files++;
  if (entry.isDirectory()) addFolder(path, usage);
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

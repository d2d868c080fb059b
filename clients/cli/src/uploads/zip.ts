import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import type { PackedFile } from "./folder-files.ts";

// The same files always become the same bytes, so that a digest tells whether anything has changed: names in order, one time for all
// (by the local clock, which is what the DOS format writes) and one mode.

const MODIFIED_AT = new Date(1980, 0, 1, 0, 0, 0);
const MODE = 0o100644;

/** `comment` becomes part of the bytes. */
export function zip(files: readonly PackedFile[], comment: string): Promise<Buffer> {
  const archive = new ZipFile();
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, source } of sorted) {
    archive.addBuffer(readFileSync(source), path, { mtime: MODIFIED_AT, mode: MODE, forceDosTimestamp: true });
  }
  archive.end({ comment, forceZip64Format: false });
  return buffer(archive.outputStream);
}

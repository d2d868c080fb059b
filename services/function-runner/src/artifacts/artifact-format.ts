import { gunzipSync, gzipSync } from "node:zlib";
import { ARTIFACT_LIMITS } from "../limits.ts";

// An artifact is one gzip of a list of files. The first is the entry; builder and loader share this file.
//
//   artifact   gzip( 0x4d 0x41 | u8 version | file … )
//   file       u16 length, path (UTF-8, `/` between names) | u32 length, content
//
// The same files give the same bytes, so that the digest names the content: files are sorted, and gzip's header holds no time.

const MAGIC = Buffer.from([0x4d, 0x41, 1]);
const LEVEL = 6;

export const ENTRY_FILE = "index.mjs";
export const SOURCE_MAP_FILE = "index.mjs.map";

export interface ArtifactFile {
  path: string;
  content: Uint8Array;
}

export function packArtifact(files: readonly ArtifactFile[]): Buffer {
  const parts: Uint8Array[] = [MAGIC];
  for (const { path, content } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const name = Buffer.from(path);
    const lengths = Buffer.alloc(6);
    lengths.writeUInt16LE(name.length, 0);
    lengths.writeUInt32LE(content.length, 2);
    parts.push(lengths.subarray(0, 2), name, lengths.subarray(2), content);
  }
  return gzipSync(Buffer.concat(parts), { level: LEVEL });
}

/** Throws an Error for bytes that are no artifact, or hold a path that leads elsewhere. */
export function unpackArtifact(packed: Uint8Array): ArtifactFile[] {
  const bytes = gunzipSync(packed, { maxOutputLength: ARTIFACT_LIMITS.unpackedBytesMax });
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error("these bytes are no artifact");
  const files: ArtifactFile[] = [];
  for (let at = MAGIC.length; at < bytes.length; ) {
    const path = take(bytes, at + 2, bytes.readUInt16LE(at)).toString("utf8");
    at += 2 + bytes.readUInt16LE(at);
    const content = take(bytes, at + 4, bytes.readUInt32LE(at));
    at += 4 + content.length;
    if (!isArtifactPath(path)) throw new Error(`an artifact holds no ${JSON.stringify(path)}`);
    if (files.push({ path, content }) > ARTIFACT_LIMITS.filesMax) throw new Error("an artifact has too many files");
  }
  if (!files.some(({ path }) => path === ENTRY_FILE)) throw new Error("the artifact has no entry");
  return files;
}

function take(bytes: Buffer, at: number, length: number): Buffer {
  if (at + length > bytes.length) throw new Error("the artifact is cut short");
  return bytes.subarray(at, at + length);
}

/** Relative, downwards, without empty or dotted names, control characters or backslashes. */
export function isArtifactPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (path.length > ARTIFACT_LIMITS.pathBytesMax || /[\u0000-\u001f\u007f\\]/.test(path)) return false;
  return path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
}

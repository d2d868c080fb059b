import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { isArtifactPath } from "../../artifacts/artifact-format.ts";
import { BuildRefused } from "../../building/build-report.ts";
import { BUILD_LIMITS } from "../../limits.ts";

const STORED = 0;
const DEFLATED = 8;
const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;

/** Unpacks an archive into `root`, after all of its entries were checked by what they declare. Throws BuildRefused. */
export async function unzip(file: string, root: string): Promise<void> {
  const zip = await openPromise(file, { autoClose: false, strictFileNames: true }).catch(refuseBroken);
  const entries = await listEntries(zip);
  const paths = new Set<string>();
  let bytes = 0;
  for (const entry of entries) {
    checkEntry(entry);
    checkPath(entry, paths);
    bytes += entry.uncompressedSize;
    if (bytes > BUILD_LIMITS.unpackedBytesMax) {
      throw refuse(entry, `The archive unpacks to over ${BUILD_LIMITS.unpackedBytesMax} bytes.`);
    }
  }
  for (const entry of entries) if (!isFolder(entry)) await unpack(zip, entry, root);
  zip.close();
}

async function listEntries(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      entries.push(entry);
      if (entries.length > BUILD_LIMITS.entriesMax) throw tooMany();
    }
  } catch (error) {
    if (error instanceof BuildRefused) throw error;
    refuseBroken(error);
  }
  return entries;
}

function checkEntry(entry: Entry): void {
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
    throw refuse(entry, "The archive holds a link or a special file; only files and folders are taken.");
  }
  if (entry.isEncrypted()) throw refuse(entry, "The archive is encrypted.");
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    throw refuse(entry, "The archive is compressed in a way that is not taken; use the usual one (deflate).");
  }
  const { ratioFreeBytes, ratioMax } = BUILD_LIMITS;
  if (entry.uncompressedSize > ratioFreeBytes && entry.uncompressedSize > entry.compressedSize * ratioMax) {
    throw refuse(entry, `The file unpacks to over ${ratioMax} times its size in the archive.`);
  }
}

/** Each path once, and none that is both a file and a folder. */
function checkPath(entry: Entry, paths: Set<string>): void {
  const path = entry.fileName.replace(/\/$/, "");
  if (!isArtifactPath(path)) throw refuse(entry, "The archive holds a path that leads out of it or is not plain.");
  if (isFolder(entry)) return;
  if (paths.has(path) || paths.has(`${path}/`)) throw refuse(entry, "The archive holds the same path twice.");
  paths.add(path);
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    if (paths.has(folder)) throw refuse(entry, "The archive holds a path that is both a file and a folder.");
    paths.add(`${folder}/`);
  }
}

async function unpack(zip: ZipFile, entry: Entry, root: string): Promise<void> {
  const path = join(root, entry.fileName);
  mkdirSync(dirname(path), { recursive: true });
  try {
    // The stream fails as soon as a file is longer than it declared.
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    throw refuse(entry, `The archive is damaged here: ${(error as Error).message}.`);
  }
}

function isFolder(entry: Entry): boolean {
  return entry.fileName.endsWith("/");
}

function refuse(entry: Entry, message: string): BuildRefused {
  return BuildRefused.of("archive_refused", entry.fileName, message);
}

function tooMany(): BuildRefused {
  return BuildRefused.of("archive_refused", "", `The archive has over ${BUILD_LIMITS.entriesMax} entries.`);
}

/** yauzl refuses paths that lead outside by itself, too. */
function refuseBroken(error: unknown): never {
  throw BuildRefused.of("archive_refused", "", `The archive cannot be read: ${(error as Error).message}.`);
}

import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { invalidFields } from "@millrace/errors";
import { UPLOAD_BYTES_MAX } from "../limits.ts";
import { dependencyClosure, hasManifest } from "./dependency-closure.ts";
import { folderFiles } from "./folder-files.ts";
import { zip } from "./zip.ts";

/** Code as it is sent. */
export interface Upload {
  filename: string;
  /** Entry file in an archive; empty for the default. */
  entry: string;
  bytes: Buffer;
  /** sha-256, hex. */
  digest: string;
}

const FILES = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".zip"];
/** What packages bring for people and compilers. */
const NOT_RUN = /\.(md|markdown|map|flow|d\.ts|d\.mts|d\.cts)$/i;

/** A file goes as it is. A folder goes as an archive; when it has a package.json, with the packages that it needs to run. */
export async function packCode(
  path: string,
  options: { entry?: string; leaveOut?: readonly string[] } = {},
): Promise<Upload> {
  const entry = options.entry ?? "";
  if (statSync(path).isDirectory()) {
    const bytes = await packFolder(path, entry, options.leaveOut ?? []);
    return settle(path, { filename: `${basename(path)}.zip`, entry, bytes });
  }
  if (!FILES.includes(extname(path)))
    throw invalidFields([{ field: path, description: `must be a folder or end in ${FILES.join(", ")}` }]);
  return settle(path, { filename: basename(path), entry, bytes: readFileSync(path) });
}

/** The entry is told beside the bytes; as the archive's comment it makes their digest another one too. */
function packFolder(folder: string, entry: string, leaveOutPaths: readonly string[]): Promise<Buffer> {
  if (!hasManifest(folder)) return zip(folderFiles(folder, "", { leaveOutPaths }), entry);
  const own = folderFiles(folder, "", { leaveOutPaths, leaveOut: ["node_modules"] });
  const packages = dependencyClosure(folder).flatMap(({ folder, place }) =>
    folderFiles(folder, place, { leaveOut: ["node_modules"], leaveOutFiles: NOT_RUN }),
  );
  return zip([...own, ...packages], entry);
}

function settle(path: string, upload: Omit<Upload, "digest">): Upload {
  if (upload.bytes.length > UPLOAD_BYTES_MAX)
    throw invalidFields([{ field: path, description: `is over ${UPLOAD_BYTES_MAX} bytes as an upload` }]);
  return { ...upload, digest: createHash("sha256").update(upload.bytes).digest("hex") };
}

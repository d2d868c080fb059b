import { closeSync, copyFileSync, mkdirSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { BuildRefused } from "../../building/build-report.ts";
import { CODE_FILE } from "./find-entry.ts";
import { unzip } from "./unzip.ts";

const ZIP_MAGIC = "PK";

/** Lays the upload out as a folder; answers which. Throws BuildRefused. */
export async function openUpload(file: string, filename: string, workFolder: string): Promise<string> {
  const root = join(workFolder, "upload");
  mkdirSync(root);
  if (startsWith(file, ZIP_MAGIC)) await unzip(file, root);
  else if (CODE_FILE.test(filename)) copyFileSync(file, join(root, filename));
  else {
    throw BuildRefused.of(
      "archive_refused",
      filename,
      "The upload is neither a zip archive nor a file of code (.js, .mjs, .cjs, .ts, .mts, .cts, .jsx, .tsx).",
    );
  }
  return root;
}

function startsWith(file: string, text: string): boolean {
  const descriptor = openSync(file, "r");
  const bytes = Buffer.alloc(text.length);
  readSync(descriptor, bytes);
  closeSync(descriptor);
  return bytes.toString("latin1") === text;
}

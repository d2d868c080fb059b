import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactFile } from "../../artifacts/artifact-format.ts";

/** Code is in the bundle; packages bring much that is no code and that nobody reads; dot files are tools' and secrets. */
const LEFT_OUT_FILE = /(?:^\.|\.(?:[cm]?[jt]sx?|map)$)/;
const LEFT_OUT_FOLDER = /^(?:\.|node_modules$)/;

/** The upload's files that a function may want to read, without its code. */
export function readAssets(root: string, folder = ""): ArtifactFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return LEFT_OUT_FOLDER.test(entry.name) ? [] : readAssets(root, path);
    return LEFT_OUT_FILE.test(entry.name) ? [] : [{ path, content: readFileSync(join(root, path)) }];
  });
}

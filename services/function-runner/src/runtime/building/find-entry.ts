import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isArtifactPath } from "../../artifacts/artifact-format.ts";
import { BuildRefused } from "../../building/build-report.ts";

/** A file that is code by its name. */
export const CODE_FILE = /^[\w.-]+\.(?:[cm]?[jt]s|[jt]sx)$/;
const STEMS = ["index", "main", "handler", "app", "src/index", "src/main", "src/handler", "src/app"];
const EXTENSIONS = ["ts", "mts", "cts", "tsx", "js", "mjs", "cjs", "jsx"];

/** The file that the function is in: as asked for, as package.json says, or the first of the usual names. Throws BuildRefused. */
export function findEntry(root: string, asked: string): string {
  if (asked !== "") {
    const path = asked.replace(/^\.\//, "");
    if (isArtifactPath(path) && isFile(root, path)) return path;
    throw BuildRefused.of("code_invalid", asked, "The entry is no file of the upload.");
  }
  const candidates = [
    ...mainOf(root),
    ...STEMS.flatMap((stem) => EXTENSIONS.map((extension) => `${stem}.${extension}`)),
  ];
  const found = candidates.find((path) => isFile(root, path)) ?? onlyFile(root);
  if (found) return found;
  throw BuildRefused.of(
    "code_invalid",
    "",
    "The upload has no entry: name one, or add index.js, index.mjs or index.ts at its root.",
  );
}

function mainOf(root: string): string[] {
  if (!existsSync(join(root, "package.json"))) return [];
  try {
    const { main, module } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
    return [module, main]
      .filter((path) => typeof path === "string")
      .map((path) => path.replace(/^\.\//, ""))
      .filter(isArtifactPath);
  } catch {
    throw BuildRefused.of("code_invalid", "package.json", "The file is no JSON.");
  }
}

/** An upload of one file may have any name. */
function onlyFile(root: string): string | undefined {
  const names = readdirSync(root);
  return names.length === 1 && CODE_FILE.test(names[0]!) && isFile(root, names[0]!) ? names[0] : undefined;
}

function isFile(root: string, path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

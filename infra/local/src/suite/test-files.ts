/** Which test files there are, and in which of two groups they run. */
import { globSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { repositoryRoot } from "../paths.ts";

const FOLDERS = ["proto", "libs", "services", "clients", "infra", "scripts", "tests", "examples"];

export type TestFiles = {
  /** Beside the code; they may run next to each other. */
  readonly beside: readonly string[];
  /** Under tests/: each starts a platform of its own, so they run one at a time. */
  readonly across: readonly string[];
};

/** All files, or those at or below the given paths; a path without any is an error. */
export function findTestFiles(paths: readonly string[]): TestFiles {
  const all = FOLDERS.flatMap((folder) =>
    globSync("**/*.test.ts", { cwd: join(repositoryRoot, folder), exclude: ["**/node_modules"] }).map((file) =>
      join(folder, file),
    ),
  ).sort();
  const chosen = paths.length === 0 ? all : [...new Set(paths.flatMap((path) => below(path, all)))];
  const isAcross = (file: string): boolean => file.startsWith("tests/");
  return { beside: chosen.filter((file) => !isAcross(file)), across: chosen.filter(isAcross) };
}

function below(path: string, all: readonly string[]): string[] {
  const absolute = resolve(process.env.INIT_CWD ?? process.cwd(), path);
  if (statSync(absolute, { throwIfNoEntry: false }) === undefined) throw new Error(`${path} does not exist`);
  const inside = relative(repositoryRoot, absolute);
  const found = all.filter((file) => file === inside || inside === "" || file.startsWith(`${inside}/`));
  if (found.length === 0) throw new Error(`no *.test.ts at or below ${path}`);
  return found;
}

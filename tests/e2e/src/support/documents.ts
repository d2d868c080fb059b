/** Commands as they stand in documents, run as a reader would run them. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repositoryRoot } from "@millrace/local";

const COMMAND_TIMEOUT_MS = 60_000;

/** The lines of a document's blocks of shell, or of those between two headings. */
export function commandsIn(document: string, from = "", to?: string): string[] {
  const text = readFileSync(join(repositoryRoot, document), "utf8");
  const part = text.slice(text.indexOf(from), to === undefined ? undefined : text.indexOf(to));
  return part
    .matchAll(/^```sh\n(.*?)^```/gms)
    .flatMap(([, block]) => block!.trim().split("\n"))
    .toArray();
}

/** Files that a document tells its reader to write: blocks whose first line, a comment, says where they belong. */
export function filesIn(document: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(repositoryRoot, document), "utf8");
  return new Map(
    [...text.matchAll(/^```(?:ts|js|yaml)\n(?:\/\/|#) (\S+\.(?:ts|mjs|yaml))\n(.*?)^```/gms)].map(([, path, code]) => [
      path!,
      code!,
    ]),
  );
}

/** A shell in something like a clone, with these files, whose commands find the platform; each answers what it printed. */
export function readersShell(
  platformFile: string,
  files: ReadonlyMap<string, string> = new Map(),
): (line: string) => Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-reader-"));
  for (const name of ["examples", "node_modules"]) symlinkSync(join(repositoryRoot, name), join(folder, name));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return (line) =>
    new Promise((settle, reject) => {
      const command = line.replaceAll("npx millrace", `node ${join(repositoryRoot, "clients/cli/bin/millrace.mjs")}`);
      const env = { ...process.env, HOME: folder, MILLRACE_PLATFORM_FILE: platformFile };
      execFile("sh", ["-ec", command], { cwd: folder, env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) =>
        error ? reject(new Error(`${line}\n${stdout}${stderr}`)) : settle(stdout),
      );
    });
}

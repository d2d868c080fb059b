/** Runs one test file in a process of its own and collects what its tests said. */
import { join } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";
import { repositoryRoot } from "../paths.ts";

const FILE_TIMEOUT_MS = 300_000;
const OUTPUT_CHARACTERS_MAX = 20_000;

export type Counts = { passed: number; failed: number; skipped: number };

export type FileResult = Counts & {
  readonly file: string;
  readonly tookMs: number;
  /** What failed, in full, ready to print; empty when all is well. */
  readonly failures: readonly string[];
  /** What the file printed itself, the last of it. */
  readonly output: string;
};

/** Never rejects: a file that cannot be loaded, holds no test, or does not end in time is a failure of its own. */
export async function runFile(file: string, stop: AbortSignal): Promise<FileResult> {
  const startedAt = Date.now();
  const absolute = join(repositoryRoot, file);
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  const path: string[] = [];
  let output = "";
  const signal = AbortSignal.any([stop, AbortSignal.timeout(FILE_TIMEOUT_MS)]);
  for await (const { type, data } of run({ files: [absolute], cwd: repositoryRoot, signal })) {
    if (type === "test:stdout" || type === "test:stderr") {
      output = (output + data.message).slice(-OUTPUT_CHARACTERS_MAX);
      continue;
    }
    if (type === "test:start") path.splice(data.nesting, path.length, data.name);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const isFile = data.nesting === 0 && data.name === absolute;
    if (type === "test:pass" && isFile) {
      failures.push("holds no test");
    } else if (data.skip !== undefined || data.todo !== undefined) {
      counts.skipped++;
    } else if (type === "test:pass") {
      if (data.details.type !== "suite") counts.passed++;
    } else if (isFile || !isOnlyItsSubtests(data.details)) {
      const title = isFile ? [] : [...path.slice(0, data.nesting), data.name];
      failures.push(describeFailure(title, data.details.error));
    }
  }
  counts.failed = failures.length;
  return { file, tookMs: Date.now() - startedAt, failures, output, ...counts };
}

/** A suite fails with its tests; counting it as well would count twice. */
function isOnlyItsSubtests(details: { readonly error: Error }): boolean {
  return (details.error as Error & { failureType?: string }).failureType === "subtestsFailed";
}

function describeFailure(title: readonly string[], error: Error): string {
  const aborted = (error as Error & { failureType?: string }).failureType === "testAborted";
  const text = aborted ? `it did not end within ${FILE_TIMEOUT_MS / 1000} s` : describeThrown(error.cause ?? error);
  return [...title, text].join("\n    ");
}

/** The message and where in the repository it came from, and so for every cause. */
function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return inspect(thrown, { depth: 4 });
  const own = (thrown.stack ?? String(thrown)).split("\n").filter((line) => !/^\s+at .*node:/.test(line));
  const cause = thrown.cause === undefined ? [] : [`caused by ${describeThrown(thrown.cause)}`];
  return [...own, ...cause].join("\n");
}

/** Runs test files, some next to each other, and prints a line for each and every failure in full. */
import { type Counts, type FileResult, runFile } from "./run-file.ts";

export type RunOptions = {
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
};

export async function runTests(options: RunOptions): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...options.files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const result = await runFile(file, options.signal);
      total.passed += result.passed;
      total.failed += result.failed;
      total.skipped += result.skipped;
      options.print(describeResult(result));
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return total;
}

function describeResult(result: FileResult): string {
  const { file, passed, failed, skipped, tookMs, failures, output } = result;
  const parts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const line = `${failed > 0 ? "FAIL" : "ok  "} ${file}: ${parts.filter(Boolean).join(", ")} (${tookMs} ms)`;
  if (failed === 0) return line;
  const said = output.trim() === "" ? "" : `\n  printed:\n${indent(output.trimEnd())}`;
  return `${line}\n${failures.map((failure) => `  - ${indent(failure).trimStart()}`).join("\n")}${said}`;
}

const indent = (text: string): string => text.replace(/^/gm, "    ");

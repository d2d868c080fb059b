/** `npm test`: every check and every test, or with paths only the tests below them. The last line is the count. */
import { describeError } from "./describe-error.ts";
import { StopRequest } from "./stop-request.ts";
import { runChecks } from "./suite/checks.ts";
import type { Counts } from "./suite/run-file.ts";
import { runTests } from "./suite/run-tests.ts";
import { startSuiteEngines } from "./suite/suite-engines.ts";
import { findTestFiles } from "./suite/test-files.ts";
import { provideTools } from "./suite/test-tools.ts";

const FILES_AT_ONCE = 2;

process.exitCode = await main(process.argv.slice(2));

async function main(paths: readonly string[]): Promise<number> {
  const stop = new StopRequest();
  try {
    const results = await runSuite(paths, stop.signal);
    const sum = (pick: (counts: Counts) => number): number => results.map(pick).reduce((a, b) => a + b, 0);
    const [passed, failed, skipped] = [sum((c) => c.passed), sum((c) => c.failed), sum((c) => c.skipped)];
    if (stop.signal.aborted) console.log("stopped before the end");
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed > 0 || passed === 0 || stop.signal.aborted ? 1 : 0;
  } catch (error) {
    console.error(describeError(error));
    return 1;
  } finally {
    stop.close();
  }
}

async function runSuite(paths: readonly string[], signal: AbortSignal): Promise<Counts[]> {
  const print = (text: string): void => console.log(text);
  const flag = paths.find((path) => path.startsWith("-"));
  if (flag !== undefined) throw new Error(`unknown flag ${flag}\nusage: npm test -- [path …]`);
  const files = findTestFiles(paths);
  await provideTools(print);
  const engines = await startSuiteEngines(print);
  process.env.MILLRACE_TEST_ENGINES = engines.file;
  try {
    const checks = paths.length === 0 ? [await runChecks(print, signal)] : [];
    const beside = await runTests({ files: files.beside, concurrency: FILES_AT_ONCE, print, signal });
    const across = await runTests({ files: files.across, concurrency: 1, print, signal });
    return [...checks, beside, across];
  } finally {
    await engines.stop();
  }
}

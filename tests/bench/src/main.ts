/** `npm run bench`: measures Millrace and its peers; `npm run bench -- --help` says what there is. */
import { writeFileSync } from "node:fs";
import { StopRequest } from "@millrace/local";
import { enginesFolder, findProgram } from "@millrace/local/engines";
import { type BenchArguments, parseArguments, usageOf } from "./arguments.ts";
import type { Bench, Scenario } from "./bench.ts";
import { findWrk } from "./load/wrk.ts";
import { RESULTS_FILE, writePage } from "./report/files.ts";
import { renderPage } from "./report/page.ts";
import { formatResults, machineOf, parseResults, readResults, withResult } from "./report/results.ts";
import { renderSection } from "./report/section.ts";
import { SCENARIOS } from "./scenarios/mod.ts";

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const stop = new StopRequest();
  try {
    const given = parseArguments(args, SCENARIOS);
    if (given.help) console.log(usageOf(SCENARIOS));
    else if (given.pageOnly) writePage(renderPage(SCENARIOS, readResults(RESULTS_FILE)));
    else return (await measureAll(given, stop.signal)) ? 0 : 1;
    return 0;
  } catch (error) {
    console.error(stop.signal.aborted ? "stopped" : messageOf(error));
    return 1;
  } finally {
    stop.close();
  }
}

/** One after the other; answers whether each could be measured. One that could not keeps the result that it had. */
async function measureAll({ isShort, scenarios }: BenchArguments, signal: AbortSignal): Promise<boolean> {
  const bench: Bench = {
    isShort,
    signal,
    wrk: await findWrk(enginesFolder()),
    nats: await findProgram("nats", { enginesFolder: enginesFolder(), log: console.log, majorVersion: undefined }),
    print: (line) => console.log(line),
  };
  const failed: string[] = [];
  for (const scenario of scenarios) {
    console.log(`measuring: ${scenario.about}`);
    const startedAt = Date.now();
    try {
      keep(scenario, await scenario.measure(bench), isShort);
    } catch (error) {
      signal.throwIfAborted();
      failed.push(scenario.name);
      console.error(`${scenario.name} could not be measured: ${messageOf(error)}`);
    }
    console.log(`(${Math.round((Date.now() - startedAt) / 1_000)} s)\n`);
  }
  if (failed.length > 0) console.error(`not measured: ${failed.join(", ")}`);
  return failed.length === 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is printed went through the file's form, so that it is what the page says. */
function keep(scenario: Scenario<unknown>, result: unknown, isShort: boolean): void {
  const { key } = scenario;
  const text = formatResults(withResult(readResults(RESULTS_FILE), machineOf(), key, result, new Date()));
  const results = parseResults(text);
  console.log(`\n${renderSection(scenario.present(results[key]))}`);
  if (isShort) {
    console.log("The short form: fewer and shorter rounds than the text says. Nothing is kept.");
    return;
  }
  writeFileSync(RESULTS_FILE, text);
  writePage(renderPage(SCENARIOS, results));
}

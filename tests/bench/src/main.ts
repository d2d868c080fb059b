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
    else await measureAll(given, stop.signal);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) console.error("stopped");
    else console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    stop.close();
  }
}

async function measureAll({ isShort, scenarios }: BenchArguments, signal: AbortSignal): Promise<void> {
  const bench: Bench = {
    isShort,
    signal,
    wrk: await findWrk(enginesFolder()),
    nats: await findProgram("nats", { enginesFolder: enginesFolder(), log: console.log, majorVersion: undefined }),
    print: (line) => console.log(line),
  };
  for (const scenario of scenarios) {
    signal.throwIfAborted();
    console.log(`measuring: ${scenario.about}`);
    const startedAt = Date.now();
    keep(scenario, await scenario.measure(bench), isShort);
    console.log(`(${Math.round((Date.now() - startedAt) / 1_000)} s)\n`);
  }
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

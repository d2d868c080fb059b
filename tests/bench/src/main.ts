/** `npm run bench`: measures Millrace and its peers side by side in one run. `--short` takes under 90 s and writes nothing. */
import { writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { enginesFolder, findProgram } from "@millrace/local/engines";
import { millraceTargets } from "./millrace-targets.ts";
import { installPeers, peerTargets } from "./peer-targets.ts";
import { type Machine, resultsOf, tableOf } from "./report.ts";
import { measureRows, type RowPlan } from "./rows.ts";
import { findWrk } from "./wrk.ts";

const FULL: RowPlan = { rounds: 3, seconds: 10, warmUpSeconds: 3, connections: [1, 64] };
const SHORT: RowPlan = { rounds: 1, seconds: 2, warmUpSeconds: 1, connections: [64] };
const RESULTS = new URL("../results.json", import.meta.url);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== "--short");
  if (unknown !== undefined) {
    console.error(`unknown argument ${unknown}\nusage: npm run bench -- [--short]`);
    return 2;
  }
  const isShort = args.includes("--short");
  await installPeers(console.log);
  const wrk = await findWrk(enginesFolder());
  const nats = await findProgram("nats", { enginesFolder: enginesFolder(), log: console.log, majorVersion: undefined });
  const targets = { ...peerTargets(nats), ...millraceTargets };
  const rows = await measureRows(targets, isShort ? SHORT : FULL, wrk, console.log);
  console.log(`\n${tableOf(rows)}`);
  if (!isShort) await writeFile(RESULTS, `${JSON.stringify(resultsOf(machineOf(), rows), null, 2)}\n`);
  return 0;
}

function machineOf(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    measuredAt: new Date().toISOString(),
  };
}

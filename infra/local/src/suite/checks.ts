/** What is checked besides tests: types, style, the contracts, and that generated files are what would be generated. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { repositoryRoot } from "../paths.ts";
import type { Counts } from "./run-file.ts";

const CHECK_TIMEOUT_MS = 600_000;

const PROTO = join(repositoryRoot, "proto");

type Check = { readonly title: string; readonly run: () => Promise<void> };

const CHECKS: readonly Check[] = [
  { title: "types", run: () => passes(["turbo", "run", "typecheck", "--output-logs=errors-only"]) },
  { title: "style", run: () => passes(["biome", "check", "--error-on-warnings", "."]) },
  { title: "contracts", run: () => passes(["buf", "lint"], PROTO) },
  { title: "contracts as released", run: () => passes(["buf", "breaking", "--against", "baseline.binpb"], PROTO) },
  { title: "generated files", run: generatedFilesAreFresh },
];

export async function runChecks(print: (text: string) => void, signal: AbortSignal): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { title, run } of CHECKS) {
    if (signal.aborted) break;
    const startedAt = Date.now();
    try {
      await run();
      counts.passed++;
      print(`ok   ${title} (${Date.now() - startedAt} ms)`);
    } catch (error) {
      counts.failed++;
      print(`FAIL ${title}: ${describeError(error)}`);
    }
  }
  return counts;
}

async function passes(argv: readonly string[], cwd = repositoryRoot): Promise<void> {
  await runCommand(argv, { cwd, timeoutMs: CHECK_TIMEOUT_MS, linesMax: Number.POSITIVE_INFINITY });
}

/** Generates elsewhere and compares. */
async function generatedFilesAreFresh(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-generated-"));
  try {
    await passes(["buf", "generate", "--output", folder], PROTO);
    await passes(["buf", "build", "--output", join(folder, "gen/descriptors.binpb")], PROTO);
    const [fresh, kept] = [filesBelow(join(folder, "gen")), filesBelow(join(PROTO, "gen"))];
    const stale = [...new Set([...fresh.keys(), ...kept.keys()])].filter((file) => {
      const [made, there] = [fresh.get(file), kept.get(file)];
      return made === undefined || there === undefined || !made.equals(there);
    });
    if (stale.length > 0) throw new Error(`proto/gen is stale, run npm run generate: ${stale.join(", ")}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name))]));
}

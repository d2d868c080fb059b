/** What is checked besides tests: types, style, the contracts, and that generated files are what would be generated. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { repositoryRoot } from "../paths.ts";
import type { Counts } from "./run-file.ts";

const CHECK_TIMEOUT_MS = 600_000;

type Check = {
  readonly title: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly needs: string;
};

const CHECKS: readonly Check[] = [
  { title: "types", argv: ["turbo", "run", "typecheck", "--output-logs=errors-only"], needs: "turbo.json" },
  { title: "style", argv: ["biome", "check", "--error-on-warnings", "."], needs: "biome.json" },
  { title: "contracts", argv: ["buf", "lint"], cwd: "proto", needs: "proto/buf.yaml" },
  { title: "generated files", argv: ["node", "scripts/generate.ts", "--check"], needs: "scripts/generate.ts" },
];

export async function runChecks(print: (text: string) => void, signal: AbortSignal): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { title, argv, cwd = ".", needs } of CHECKS) {
    if (signal.aborted) break;
    if (!existsSync(join(repositoryRoot, needs))) continue;
    const startedAt = Date.now();
    try {
      await runCommand(argv, {
        cwd: join(repositoryRoot, cwd),
        timeoutMs: CHECK_TIMEOUT_MS,
        linesMax: Number.POSITIVE_INFINITY,
      });
      counts.passed++;
      print(`ok   ${title} (${Date.now() - startedAt} ms)`);
    } catch (error) {
      counts.failed++;
      print(`FAIL ${title}: ${describeError(error)}`);
    }
  }
  return counts;
}

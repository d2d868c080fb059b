#!/usr/bin/env node
// The command line, started on any Node from 20 on: TypeScript runs on Node 26, which is this process or the one that came with the
// dependencies.
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { projectNode } from "../../../infra/local/bootstrap/project-node.mjs";

const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
const EXIT_FAILED = 1;

const main = join(dirname(realpathSync(fileURLToPath(import.meta.url))), "../src/main.ts");

try {
  const node = await projectNode();
  if (node.path === process.execPath) await import(pathToFileURL(main).href);
  else runOn(node);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exit(EXIT_FAILED);
}

function runOn({ path, environment }) {
  const child = spawn(path, [main, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : EXIT_FAILED)));
}

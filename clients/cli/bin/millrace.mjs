#!/usr/bin/env node
// The command line, started on any Node from 20 on: TypeScript runs on Node 26, which is this process or the one that came with the
// dependencies.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MAJOR_MIN = 26;
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
const EXIT_FAILED = 1;

const main = join(dirname(realpathSync(fileURLToPath(import.meta.url))), "../src/main.ts");

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) await import(pathToFileURL(main).href);
else await runOnPackagedNode();

async function runOnPackagedNode() {
  const node = (await repositoryNode()) ?? findPackagedNode(dirname(main));
  if (node === undefined) {
    console.error(
      `error: this is Node ${process.version} and Node ${NODE_MAJOR_MIN} did not come with the dependencies; run npm ci`,
    );
    process.exit(EXIT_FAILED);
  }
  // The fourth descriptor tells a command that runs on and on when this process is gone, even by kill -9.
  const child = spawn(node, [main, ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, MILLRACE_LIFELINE_FD: "3" },
  });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : EXIT_FAILED)));
}

/** In the nearest node_modules that has it. */
function findPackagedNode(from) {
  const inModules = join("node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, inModules))) return join(folder, inModules);
    if (folder === dirname(folder)) return undefined;
  }
}

/** In the repository, the one that npm start uses. */
async function repositoryNode() {
  const provider = join(dirname(main), "../../../infra/local/bootstrap/project-node.mjs");
  return existsSync(provider) ? (await import(pathToFileURL(provider).href)).projectNode() : undefined;
}

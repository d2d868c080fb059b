// What every entry point does first, on any Node from 20 on and with nothing installed: install the dependencies that package-lock.json names,
// find a Node that runs TypeScript, and hand over to it.
import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { defaultStateDirectory, makeOpenDirectory, repositoryRoot } from "./homes.mjs";
import { installDependencies } from "./install-dependencies.mjs";
import { projectNode } from "./project-node.mjs";

const PARENT_CHECK_MS = 500;
/** @type {NodeJS.Signals[]} */
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a TypeScript file of the repository, or a command in its environment, and ends as it ends.
 * @param {string[]} argv
 */
export async function runInProject([command = "", ...args]) {
  makeOpenDirectory(defaultStateDirectory);
  const node = await prepare();
  const env = {
    ...process.env,
    PATH: [dirname(node), join(repositoryRoot, "node_modules/.bin"), process.env.PATH].join(delimiter),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(defaultStateDirectory, "compile-cache"),
    TURBO_TELEMETRY_DISABLED: "1",
    MILLRACE_LIFELINE_FD: "3",
  };
  const [file, ...rest] = command.endsWith(".ts") ? [node, join(repositoryRoot, command), ...args] : [command, ...args];
  // The fourth descriptor tells the child when this process is gone, even by kill -9.
  const child = spawn(file, rest, { cwd: repositoryRoot, env, stdio: ["inherit", "inherit", "inherit", "pipe"] });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  // npm passes no kill -9 on. Whoever else started this may be gone, as a shell that left it in the background.
  const parent = process.ppid;
  const followNpm = () => process.ppid !== parent && child.kill("SIGTERM");
  if (process.env.npm_lifecycle_event !== undefined) setInterval(followNpm, PARENT_CHECK_MS).unref();
  child.on("error", (error) => fail(`${file} cannot be run: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

async function prepare() {
  try {
    installDependencies();
    return await projectNode();
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

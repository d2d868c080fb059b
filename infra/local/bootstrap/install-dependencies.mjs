// Installs what package-lock.json names, when it is not what node_modules holds.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./homes.mjs";

/** Throws an error that says what is missing. */
export function installDependencies() {
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
  if (done.error) throw new Error(`npm cannot be run: ${done.error.message}\nInstall npm 10 or newer.`);
  if (done.status !== 0) {
    throw new Error(
      "npm install failed (see above). It needs the npm registry: check the network, or the registry that npm is set to.",
    );
  }
  // The packaged Node would become everybody's "node" in npm scripts, also where it lacks a library (project-node.mjs).
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

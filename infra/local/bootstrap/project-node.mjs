// The Node that Millrace runs on: this one where it is new enough, else the one that came with the dependencies.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fetchDebianPackages, libraryPath } from "./debian-packages.mjs";
import { enginesFolder, repositoryRoot } from "./homes.mjs";

const NODE_MAJOR_MIN = 26;

/**
 * Its path, and what it needs in its environment. Throws an error that says what to install.
 * @returns {Promise<{path: string, environment: Record<string, string>}>}
 */
export async function projectNode() {
  const path = findNode();
  return { path, environment: path === process.execPath ? {} : await librariesFor(path) };
}

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const packaged = join(repositoryRoot, "node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  if (existsSync(packaged)) return packaged;
  throw new Error(
    `No Node for ${process.platform}-${process.arch} came with the dependencies. Millrace runs on Node ${NODE_MAJOR_MIN} or newer ` +
      `and this is ${process.version}. Install it from https://nodejs.org and start again.`,
  );
}

/**
 * Node needs libatomic, which minimal systems lack. It is unpacked where sandboxes can read it too.
 * @param {string} node
 * @returns {Promise<Record<string, string>>}
 */
export async function librariesFor(node) {
  const folder = join(enginesFolder(), "libatomic");
  if (!existsSync(folder)) {
    const tried = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (tried.status === 0) return {};
    if (!tried.stderr?.includes("libatomic.so.1"))
      throw new Error(`${node} cannot be run: ${tried.error?.message ?? tried.stderr}`);
    // Not to stdout: that is for what the command answers.
    console.error("fetching the Debian package libatomic1, which Node needs");
    const request = {
      packages: ["libatomic1"],
      suite: /** @type {const} */ ("host"),
      withDependencies: false,
      into: folder,
    };
    await fetchDebianPackages(request).catch((cause) => {
      throw new Error(
        `Node needs libatomic.so.1, which is not on this machine: install libatomic1 (Debian) or libatomic. ${cause.message}`,
      );
    });
  }
  return { LD_LIBRARY_PATH: [libraryPath(folder), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
}

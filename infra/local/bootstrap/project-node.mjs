// The Node that Millrace runs on: this one where it is new enough, else the one that came with the dependencies. That one needs a
// library, libatomic, which minimal systems lack; there a copy is made that finds it in its own folder, so that nobody who starts it,
// such as a sandbox with an empty environment, has to know.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fetchDebianPackages, libraryPath } from "./debian-packages.mjs";
import { enginesFolder, makeOpenDirectory, repositoryRoot } from "./homes.mjs";

const NODE_MAJOR_MIN = 26;
const LIBRARY = "libatomic.so.1";

/** Its path. Throws an error that says what to install. */
export async function projectNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const folder = join(repositoryRoot, "node_modules", `node-${process.platform}-${process.arch}`);
  const packaged = join(folder, "bin/node");
  if (!existsSync(packaged)) {
    throw new Error(
      `No Node for ${process.platform}-${process.arch} came with the dependencies. Millrace runs on Node ${NODE_MAJOR_MIN} or newer ` +
        `and this is ${process.version}. Install it from https://nodejs.org and start again.`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const selfContained = join(enginesFolder(), `node-${version}`);
  if (existsSync(selfContained)) return join(selfContained, "node");
  const { status, stderr, error } = spawnSync(packaged, ["--version"], { encoding: "utf8" });
  if (status === 0) return packaged;
  if (!stderr?.includes(LIBRARY)) throw new Error(`${packaged} cannot be run: ${error?.message ?? stderr}`);
  await makeSelfContained(packaged, selfContained).catch((cause) => {
    throw new Error(`Node needs ${LIBRARY}, which is not on this machine: install libatomic1. ${cause.message}`);
  });
  return join(selfContained, "node");
}

/**
 * @param {string} node
 * @param {string} target
 */
async function makeSelfContained(node, target) {
  // Not to stdout, which is for what a command answers.
  console.error(`fetching ${LIBRARY} for Node`);
  const packages = `${target}.${process.pid}.packages`;
  const unfinished = makeOpenDirectory(`${target}.${process.pid}.unfinished`);
  try {
    const request = {
      packages: ["libatomic1", "patchelf"],
      suite: /** @type {const} */ ("host"),
      withDependencies: false,
    };
    await fetchDebianPackages({ ...request, into: packages });
    const found = libraryPath(packages)
      .split(":")
      .map((folder) => join(folder, LIBRARY))
      .find((path) => existsSync(path));
    if (found === undefined) throw new Error(`libatomic1 holds no ${LIBRARY}`);
    copyFileSync(realpathSync(found), join(unfinished, LIBRARY));
    copyFileSync(node, join(unfinished, "node"));
    const patch = [join(packages, "usr/bin/patchelf"), "--set-rpath", "$ORIGIN", join(unfinished, "node")];
    for (const argv of [patch, [join(unfinished, "node"), "--version"]]) {
      const { status, stderr, error } = spawnSync(argv[0] ?? "", argv.slice(1), { encoding: "utf8" });
      if (status !== 0) throw new Error(`${argv[0]} failed: ${error?.message ?? stderr}`);
    }
    if (!existsSync(target)) renameSync(unfinished, target);
  } finally {
    for (const folder of [packages, unfinished]) rmSync(folder, { recursive: true, force: true });
  }
}

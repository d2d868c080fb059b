// Fetching Debian packages without installing them. apt is given a sources list, a state and a cache of its own, so that the
// machine's package lists and its dpkg database stay as they are and no root is needed; packages are checked against the
// Debian archive keyring as always, then unpacked with `dpkg-deb -x`.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { makeOpenDirectory } from "./homes.mjs";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR = "http://deb.debian.org/debian";
const USUAL_TIMEOUT_MS = 240_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const SHOWN_LINES_MAX = 8;

/** @typedef {import("./debian-packages.d.mts").PackageRequest} PackageRequest */

/** Says in one sentence why packages cannot be fetched here, or nothing when they can. */
function whyNoPackages() {
  if (process.platform !== "linux") return "only on Linux";
  const folders = (process.env.PATH ?? "").split(delimiter);
  const missing = ["apt-get", "dpkg-deb"].find((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing !== undefined) return `${missing} is not on this machine`;
  if (!existsSync(KEYRING)) {
    return `${KEYRING} is missing (package debian-archive-keyring), so packages cannot be checked`;
  }
  return undefined;
}

/** @param {PackageRequest} request */
export async function fetchDebianPackages(request) {
  const why = whyNoPackages();
  if (why !== undefined) throw new Error(`${request.packages.join(", ")} cannot be fetched from Debian: ${why}`);
  makeOpenDirectory(dirname(request.into));
  const work = makeOpenDirectory(`${request.into}.${process.pid}.partial`);
  const timeoutMs = request.timeoutMs ?? USUAL_TIMEOUT_MS;
  try {
    const packages = makeOpenDirectory(join(work, "packages"));
    const apt = privateApt(work, packages, request.suite, timeoutMs);
    await apt(["update", "--error-on=any"]);
    const names = request.withDependencies ? await missingPackages(apt, request.packages) : request.packages;
    await apt(["download", ...names]);
    const unpacked = makeOpenDirectory(join(work, "root"));
    for (const name of readdirSync(packages).filter((file) => file.endsWith(".deb"))) {
      await run(["dpkg-deb", "-x", join(packages, name), unpacked], work, timeoutMs);
    }
    makeOpenDirectory(unpacked);
    if (!existsSync(request.into)) renameSync(unpacked, request.into);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Where the loader finds the libraries of packages that were unpacked into a folder.
 * @param {string} folder
 */
export function libraryPath(folder) {
  const roots = [join(folder, "usr/lib"), join(folder, "lib")].filter((root) => existsSync(root));
  const triplets = roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.includes("-linux-gnu"))
      .map((name) => join(root, name)),
  );
  return [...triplets, ...roots].join(":");
}

/**
 * @param {string} work
 * @param {string} cwd
 * @param {PackageRequest["suite"]} suite
 * @param {number} timeoutMs
 * @returns {(args: readonly string[]) => Promise<string>}
 */
function privateApt(work, cwd, suite, timeoutMs) {
  for (const path of ["state/lists/partial", "cache/archives/partial", "none"]) {
    mkdirSync(join(work, path), { recursive: true });
  }
  const sources = join(work, "sources.list");
  const codename = suite === "host" ? hostCodename() : suite;
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${MIRROR} ${codename} main\n`);
  const options = [
    `Dir::State=${join(work, "state")}`,
    "Dir::State::status=/var/lib/dpkg/status",
    `Dir::Cache=${join(work, "cache")}`,
    `Dir::Etc::sourcelist=${sources}`,
    `Dir::Etc::sourceparts=${join(work, "none")}`,
    "Dir::Etc::preferences=/dev/null",
    `Dir::Etc::preferencesparts=${join(work, "none")}`,
    // A mirror or a clock that lags behind is no reason to fail: signatures are checked here, versions by whoever asked.
    "Acquire::Check-Valid-Until=false",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
  return (args) => run(["apt-get", "-q", ...options, ...args], cwd, timeoutMs);
}

/**
 * The packages that installing these would bring to this machine: themselves, and what they need and it lacks.
 * @param {(args: readonly string[]) => Promise<string>} apt
 * @param {readonly string[]} names
 */
async function missingPackages(apt, names) {
  const answer = await apt(["install", "--reinstall", "--no-install-recommends", "--print-uris", "--yes", ...names]);
  const found = [...answer.matchAll(/^'[^']+' (\S+?)_\S+\.deb /gm)].map((match) => match[1] ?? "");
  return found.length === 0 ? names : found;
}

function hostCodename() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (!/^ID=debian$/m.test(release)) {
    throw new Error("this machine does not run Debian, whose packages would not fit it");
  }
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? "sid";
}

/**
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {number} timeoutMs
 * @returns {Promise<string>}
 */
function run(argv, cwd, timeoutMs) {
  const [file = "", ...args] = argv;
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  const options = { cwd, env, timeout: timeoutMs, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((settle, reject) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) return settle(stdout);
      const shown = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
      const verb = args.find((arg) => /^[a-z]+$/.test(arg)) ?? "";
      const lines = shown.slice(-SHOWN_LINES_MAX).map((line) => `\n    ${line}`);
      reject(new Error(`${file} ${verb} failed:${lines.join("")}`));
    });
  });
}

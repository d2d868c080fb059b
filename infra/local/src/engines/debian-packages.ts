/**
 * Fetching Debian packages without installing them. apt is given a sources list, a state and a cache of its own, so that the
 * machine's package lists and its dpkg database stay as they are and no root is needed; packages are checked against the
 * Debian archive keyring as always, then unpacked with `dpkg-deb -x`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findExecutable, runCommand } from "../command.ts";
import { makeOpenDirectory } from "../paths.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR = "http://deb.debian.org/debian";
const APT_TIMEOUT_MS = 240_000;

export type PackageRequest = {
  readonly packages: readonly string[];
  /** A Debian suite such as `sid`, or `host` for the release that this machine runs. */
  readonly suite: "sid" | "host";
  /** Also fetch the packages these depend on, as far as the machine lacks them. */
  readonly withDependencies: boolean;
  /** The folder that will hold the unpacked files; it appears when all of them are there. */
  readonly into: string;
};

/** Says in one sentence why packages cannot be fetched here, or nothing when they can. */
export function whyNoPackages(): string | undefined {
  if (process.platform !== "linux") return "only on Linux";
  for (const program of ["apt-get", "apt-cache", "dpkg-deb"]) {
    if (findExecutable(program) === undefined) return `${program} is not on this machine`;
  }
  if (!existsSync(KEYRING))
    return `${KEYRING} is missing (package debian-archive-keyring), so packages cannot be checked`;
  return undefined;
}

export async function fetchDebianPackages(request: PackageRequest): Promise<void> {
  const work = makeOpenDirectory(`${request.into}.${process.pid}.partial`);
  try {
    const apt = new PrivateApt(work, request.suite);
    await apt.update();
    const names = request.withDependencies ? await apt.missing(request.packages) : request.packages;
    const files = await apt.download(names);
    const unpacked = makeOpenDirectory(join(work, "root"));
    for (const file of files) await runCommand(["dpkg-deb", "-x", file, unpacked], { timeoutMs: APT_TIMEOUT_MS });
    makeOpenDirectory(unpacked);
    makeOpenDirectory(dirname(request.into));
    if (!existsSync(request.into)) renameSync(unpacked, request.into);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Where the loader finds the libraries of packages that were unpacked into a folder. */
export function libraryPath(folder: string): string {
  const roots = [join(folder, "usr/lib"), join(folder, "lib")].filter((root) => existsSync(root));
  const triplets = roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.includes("-linux-gnu"))
      .map((name) => join(root, name)),
  );
  return [...triplets, ...roots].join(":");
}

class PrivateApt {
  readonly #folder: string;
  readonly #options: string[];

  constructor(work: string, suite: PackageRequest["suite"]) {
    this.#folder = makeOpenDirectory(join(work, "packages"));
    for (const path of ["state/lists/partial", "cache/archives/partial", "none"]) {
      mkdirSync(join(work, path), { recursive: true });
    }
    const sources = join(work, "sources.list");
    const codename = suite === "host" ? hostCodename() : suite;
    writeFileSync(sources, `deb [signed-by=${KEYRING}] ${MIRROR} ${codename} main\n`);
    this.#options = [
      `Dir::State=${join(work, "state")}`,
      "Dir::State::status=/var/lib/dpkg/status",
      `Dir::Cache=${join(work, "cache")}`,
      `Dir::Etc::sourcelist=${sources}`,
      `Dir::Etc::sourceparts=${join(work, "none")}`,
      `Dir::Etc::preferencesparts=${join(work, "none")}`,
      "Dir::Etc::preferences=/dev/null",
      "APT::Get::List-Cleanup=false",
      "Acquire::Languages=none",
      "Acquire::Retries=3",
    ].flatMap((option) => ["-o", option]);
  }

  update(): Promise<string> {
    return this.#apt(["update", "--error-on=any"]);
  }

  /** The packages that installing these would bring to this machine: themselves and what they need and it lacks. */
  async missing(names: readonly string[]): Promise<string[]> {
    const uris = await this.#apt([
      "install",
      "--reinstall",
      "--no-install-recommends",
      "--print-uris",
      "--yes",
      ...names,
    ]);
    const files = [...uris.matchAll(/^'[^']+' (\S+)_[^_\s]+_[^_\s]+\.deb /gm)].map((match) => match[1]!);
    return files.length === 0 ? [...names] : files;
  }

  async download(names: readonly string[]): Promise<string[]> {
    await this.#apt(["download", ...names]);
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(".deb"))
      .map((name) => join(this.#folder, name));
  }

  #apt(args: readonly string[]): Promise<string> {
    return runCommand(["apt-get", "-q", ...this.#options, ...args], {
      cwd: this.#folder,
      timeoutMs: APT_TIMEOUT_MS,
      env: { LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    }).catch((cause: unknown) => {
      throw new Error(`apt-get ${args[0]} of ${basename(dirname(this.#folder))} failed`, { cause });
    });
  }
}

function hostCodename(): string {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (!/^ID=debian$/m.test(release))
    throw new Error("this machine does not run Debian, whose packages would not fit it");
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? "sid";
}

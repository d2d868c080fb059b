import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { build, stop } from "esbuild";
import { type FilterArchitecture, seccompFilter } from "./seccomp.ts";

/** What every sandbox reads besides the code it runs. */
export interface RuntimeFolder {
  folder: string;
  nodePath: string;
  /** What Node is linked with, and where a Node at `/usr/bin/node` looks for it. */
  libraries: { from: string; to: string }[];
}

export const NODE_INSIDE = "/usr/bin/node";
/** Beside the programs. */
export const ESBUILD_FILE = "esbuild";
export const FILTER_FILES = { functions: "functions.bpf", builds: "builds.bpf" } as const;
/** What a sandbox with a root of its own finds in `/etc`. */
export const ETC_FOLDER = "etc";

const PROGRAMS = {
  main: "../runtime/main.ts",
  instance: "../runtime/instance.ts",
  fence: "../runtime/fence.ts",
  "probe/index": "../runtime/probe.ts",
  build: "../runtime/building/build-program.ts",
};

/**
 * Bundles the sandbox's programs into a folder of plain files, and makes sure that the Node binary can be run by a user who is nobody
 * here. `cacheDirectory` must let other users pass through.
 */
export async function prepareRuntimeFolder(cacheDirectory: string): Promise<RuntimeFolder> {
  const folder = join(cacheDirectory, "runtime");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  await build({
    entryPoints: Object.entries(PROGRAMS).map(([out, path]) => ({ in: join(import.meta.dirname, path), out })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node26",
    format: "esm",
    // For the CommonJS parts of the build program. esbuild's own folder is told to it when it is used.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    define: { __filename: "import.meta.filename", __dirname: "import.meta.dirname" },
    logLevel: "silent",
  });
  await stop();
  copyEsbuild(folder);
  writeFilters(folder);
  writeEtc(join(folder, ETC_FOLDER));
  return { folder, nodePath: nodeForAll(cacheDirectory), libraries: librariesOfNode() };
}

function writeFilters(folder: string): void {
  const architecture = process.arch as FilterArchitecture;
  writeFileSync(join(folder, FILTER_FILES.functions), seccompFilter({ architecture, mayFork: false }));
  writeFileSync(join(folder, FILTER_FILES.builds), seccompFilter({ architecture, mayFork: true }));
}

function writeEtc(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, "passwd"), "function:x:1000:1000::/tmp:/nonexistent\n");
  writeFileSync(join(folder, "group"), "function:x:1000:\n");
  writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  if (existsSync("/etc/ld.so.cache")) copyFileSync("/etc/ld.so.cache", join(folder, "ld.so.cache"));
}

function librariesOfNode(): RuntimeFolder["libraries"] {
  const { report, execPath } = process;
  // Nothing is to be looked up for it.
  Object.assign(report, { excludeNetwork: true });
  const { sharedObjects } = report.getReport() as unknown as { sharedObjects: string[] };
  return sharedObjects
    .filter((path) => path.startsWith("/") && existsSync(path))
    .map((from) => ({
      from,
      to: dirname(from) === dirname(execPath) ? join(dirname(NODE_INSIDE), basename(from)) : from,
    }));
}

function copyEsbuild(folder: string): void {
  const { platform, arch } = process;
  const copy = join(folder, ESBUILD_FILE);
  const requireFromEsbuild = createRequire(createRequire(import.meta.url).resolve("esbuild"));
  copyFileSync(requireFromEsbuild.resolve(`@esbuild/${platform}-${arch}/bin/esbuild`), `${copy}.part`);
  chmodSync(`${copy}.part`, 0o755);
  renameSync(`${copy}.part`, copy);
}

function nodeForAll(cacheDirectory: string): string {
  const { execPath } = process;
  if (process.getuid?.() !== 0 || isReachable(execPath)) return execPath;
  const folder = join(cacheDirectory, `node-${process.version}`);
  const copy = join(folder, "node");
  if (existsSync(copy)) return copy;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // A Node that brings libraries of its own looks for them beside itself.
  for (const name of readdirSync(dirname(execPath)).filter((name) => /\.so(\.|$)/.test(name))) {
    copyFileSync(join(dirname(execPath), name), join(folder, name));
  }
  copyFileSync(execPath, `${copy}.part`, constants.COPYFILE_FICLONE);
  renameSync(`${copy}.part`, copy);
  return copy;
}

/** Whether any user may run the file: readable itself, and every folder above it passable. */
function isReachable(path: string): boolean {
  accessSync(path);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return (statSync(path).mode & 0o005) === 0o005;
  }
}

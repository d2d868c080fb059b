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
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build, stop } from "esbuild";

/** What every sandbox reads besides the code it runs. */
export interface RuntimeFolder {
  folder: string;
  nodePath: string;
  esbuildPath: string;
}

const PROGRAMS = {
  main: "../runtime/main.ts",
  instance: "../runtime/instance.ts",
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
  return { folder, nodePath: nodeForAll(cacheDirectory), esbuildPath: copyEsbuild(folder) };
}

function copyEsbuild(folder: string): string {
  const { platform, arch } = process;
  const copy = join(folder, "esbuild");
  const requireFromEsbuild = createRequire(createRequire(import.meta.url).resolve("esbuild"));
  copyFileSync(requireFromEsbuild.resolve(`@esbuild/${platform}-${arch}/bin/esbuild`), `${copy}.part`);
  chmodSync(`${copy}.part`, 0o755);
  renameSync(`${copy}.part`, copy);
  return copy;
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

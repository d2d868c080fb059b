import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildFailure, Message, TsconfigRaw } from "esbuild";
import { type ArtifactFile, ENTRY_FILE, SOURCE_MAP_FILE } from "../../artifacts/artifact-format.ts";
import { BuildRefused, type Finding } from "../../building/build-report.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import { keepInside } from "./keep-inside.ts";

// CommonJS inside an ES module needs `require`, `__filename` and `__dirname`. The two names go through `define`, since code may well
// declare them itself; a `require` of its own is renamed by esbuild.
const BANNER = [
  'import { createRequire as __millraceRequire } from "node:module";',
  "const require = __millraceRequire(import.meta.url);",
  "const __millraceFile = import.meta.filename, __millraceFolder = import.meta.dirname;",
].join(" ");

/** Bundles the entry with everything it imports. Throws BuildRefused with a finding for each fault of the code. */
export async function bundle(root: string, entry: string, esbuildBinary: string): Promise<ArtifactFile[]> {
  // esbuild looks for its binary when it is first loaded.
  process.env.ESBUILD_BINARY_PATH = esbuildBinary;
  const esbuild = await import("esbuild");
  try {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: join(root, ENTRY_FILE),
      write: false,
      bundle: true,
      platform: "node",
      target: "node26",
      format: "esm",
      sourcemap: "linked",
      sourcesContent: false,
      keepNames: true,
      banner: { js: BANNER },
      define: { __filename: "__millraceFile", __dirname: "__millraceFolder" },
      loader: { ".wasm": "binary", ".html": "text", ".md": "text", ".sql": "text" },
      // Given raw, so that esbuild looks for no tsconfig.json of its own, in the upload or above it.
      tsconfigRaw: readTsconfig(root),
      plugins: [keepInside(root)],
      logLevel: "silent",
      logLimit: BUILD_LIMITS.findingsMax,
    });
    return outputFiles.map(({ path, contents }) => ({
      path: path.endsWith(".map") ? SOURCE_MAP_FILE : ENTRY_FILE,
      content: contents,
    }));
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (!errors) throw error;
    throw new BuildRefused("code_invalid", findingsOf(errors));
  } finally {
    await esbuild.stop();
  }
}

function findingsOf(errors: Message[]): Finding[] {
  // One import with a pattern fails once for each file that it would bring.
  const byText = new Map(errors.map(toFinding).map((finding) => [JSON.stringify(finding), finding]));
  return [...byText.values()].slice(0, BUILD_LIMITS.findingsMax);
}

function toFinding({ text, location, notes }: Message): Finding {
  const hints = notes.map((note) => note.text).filter((note) => !ESBUILD_HINT.test(note));
  return {
    file: location?.file ?? "",
    line: location?.line ?? 0,
    column: location ? location.column + 1 : 0,
    message: [text, ...hints].join(" ").trim(),
  };
}

/** Advice to whoever configures esbuild, which is not the reader. */
const ESBUILD_HINT = /esbuild|mark the path/;

const TSCONFIG_OPTIONS = [
  "experimentalDecorators",
  "jsx",
  "jsxFactory",
  "jsxFragmentFactory",
  "jsxImportSource",
  "useDefineForClassFields",
] as const;

/** What changes the meaning of code; `extends` and paths may lead anywhere and are not followed. */
function readTsconfig(root: string): TsconfigRaw {
  const path = join(root, "tsconfig.json");
  if (!existsSync(path)) return {};
  const options = parseLenient(readFileSync(path, "utf8"))?.compilerOptions ?? {};
  const kept = TSCONFIG_OPTIONS.filter((name) => name in options).map((name) => [name, options[name]]);
  return { compilerOptions: Object.fromEntries(kept) };
}

/** JSON with comments on lines of their own and commas at the end; null for anything else. */
function parseLenient(text: string): { compilerOptions?: Record<string, unknown> } | null {
  try {
    return JSON.parse(text.replace(/^\s*\/\/.*$/gm, "").replace(/,(\s*[}\]])/g, "$1"));
  } catch {
    return null;
  }
}

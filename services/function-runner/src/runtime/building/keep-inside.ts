import { readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, isAbsolute, resolve, sep } from "node:path";
import type { Loader, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from "esbuild";

const CODE: Record<string, Loader> = {
  js: "js",
  mjs: "js",
  cjs: "js",
  jsx: "jsx",
  ts: "ts",
  mts: "ts",
  cts: "ts",
  tsx: "tsx",
};
const SOURCE_MAP_COMMENT = /^[ \t]*(?:\/\/|\/\*)[#@] *sourceMappingURL=(\S+).*$/gm;

/** Lets a bundle hold nothing but files of the upload: esbuild itself inlines whatever a path leads to. */
export function keepInside(root: string): Plugin {
  const inside = (path: string) => path === root || path.startsWith(root + sep);
  return {
    name: "keep-inside",
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => resolveInside(build, args, inside));
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => loadInside(path, inside));
    },
  };
}

async function resolveInside(
  build: PluginBuild,
  args: OnResolveArgs,
  inside: (path: string) => boolean,
): Promise<OnResolveResult | undefined> {
  const { path, importer, namespace, resolveDir, kind, with: attributes } = args;
  if (args.pluginData === ASKED_BY_US || path.startsWith("data:")) return undefined;
  if (isBuiltin(path)) return { path, external: true };
  if (kind !== "entry-point") {
    const wrong = faultOf(path, resolveDir, inside);
    if (wrong) return { errors: [{ text: wrong }] };
  }
  const asked = kind === "entry-point" ? `./${path}` : path;
  const found = await build.resolve(asked, {
    importer,
    namespace,
    resolveDir,
    kind,
    with: attributes,
    pluginData: ASKED_BY_US,
  });
  // esbuild says it better, and forgives it where the code does: a `require` that is tried.
  if (found.errors.length > 0) return undefined;
  if (found.namespace === "file" && !found.external && !inside(realpathSync(found.path))) {
    return { errors: [{ text: `${JSON.stringify(path)} is not in the upload` }] };
  }
  return found;
}

const ASKED_BY_US = Symbol("asked by this plugin");

function faultOf(path: string, resolveDir: string, inside: (path: string) => boolean): string | undefined {
  const quoted = JSON.stringify(path);
  if (path.endsWith(".node")) return `${quoted} is a native addon; functions cannot load native code`;
  if (path.startsWith("node:")) return `${quoted} is no module of Node`;
  if (/^[a-z][a-z0-9+.-]+:/i.test(path))
    return `${quoted} is a URL; only packages and files of the upload can be imported`;
  if (isAbsolute(path)) return `${quoted} is an absolute path; only files of the upload can be imported`;
  if (path.startsWith(".") && !inside(resolve(resolveDir, path))) return `${quoted} leads out of the upload`;
  return undefined;
}

function loadInside(path: string, inside: (path: string) => boolean): OnLoadResult | undefined {
  const real = realpathSync(path);
  if (!inside(real)) return { errors: [{ text: "This import leads out of the upload" }] };
  const loader = CODE[path.slice(path.lastIndexOf(".") + 1)];
  if (!loader) return undefined;
  // A source map is a file that esbuild reads by itself.
  const contents = readFileSync(real, "utf8").replace(SOURCE_MAP_COMMENT, (comment, url: string) =>
    url.startsWith("data:") || inside(resolve(dirname(real), url)) ? comment : "",
  );
  return { contents, loader, resolveDir: dirname(path) };
}

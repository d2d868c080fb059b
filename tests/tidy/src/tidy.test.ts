import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { test } from "node:test";

// Style that a machine can check is checked: each rule reads the tracked sources and lists everything that breaks it, with the way out.

const ROOT = new URL("../../../", import.meta.url);
const TRACKED = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => existsSync(new URL(path, ROOT)));
const SOURCES = TRACKED.filter((path) => /\.(ts|mjs)$/.test(path) && !path.startsWith("proto/gen/"));
const PACKAGES = TRACKED.filter((path) => path.endsWith("/package.json")).map((path) => path.replace(/\/[^/]+$/, ""));
const SERVICES = ["auth", "console", "control-plane", "function-runner", "gateway"];
const LINES_MAX = 450;

interface Manifest {
  name?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");

function check(title: string, breaks: () => string[]): void {
  test(title, () => {
    const found = breaks();
    assert.ok(found.length === 0, `\n  ${found.join("\n  ")}`);
  });
}

/** Lines of the given sources that match, as `path:line  wayOut`. */
function linesThat(paths: readonly string[], pattern: RegExp, wayOut: string): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}  ${wayOut}`] : [])),
  );
}

const serviceSources = SOURCES.filter((path) => path.startsWith("services/"));
const product = serviceSources.filter((path) => !/(\.test|-fixture)\.ts$|\/testing\//.test(path));

check("a service imports no other service", () =>
  SERVICES.flatMap((service) =>
    linesThat(
      product.filter((path) => path.startsWith(`services/${service}/`)),
      new RegExp(`from "@millrace/(?!${service}")(${SERVICES.join("|")})"`),
      "call it over gRPC, or share a lib",
    ),
  ),
);

check("only a service's main.ts and what runs inside a sandbox touch the process", () =>
  linesThat(
    product.filter((path) => !/\/src\/main\.ts$|function-runner\/src\/runtime\//.test(path)),
    /^(?!\s*(\/\/|\/?\*)).*\bprocess\.(env|exit\(|on\(|argv)/,
    "hand it in from main.ts",
  ),
);

check("SQL stands in stores only", () =>
  linesThat(
    product.filter((path) => !path.endsWith("-store.ts")),
    /\b(sql|tx|db)(<[^`]*>)?`/,
    "move the statement to a *-store.ts",
  ),
);

check("a file is one idea", () =>
  SOURCES.flatMap((path) => {
    const lines = read(path).split("\n").length;
    return lines > LINES_MAX ? [`${path}  has ${lines} lines; over ${LINES_MAX} it is two ideas`] : [];
  }),
);

check("every service has its table of contents, its configuration, its limits and its readme", () =>
  SERVICES.flatMap((service) =>
    ["README.md", "src/main.ts", "src/app.ts", "src/config.ts", "src/limits.ts"]
      .map((file) => `services/${service}/${file}`)
      .filter((path) => !TRACKED.includes(path))
      .map((path) => `${path}  is missing`),
  ),
);

check("a lib has at least two users", () => {
  const manifests = TRACKED.filter((path) => path.endsWith("package.json")).map(read);
  const libs = TRACKED.filter((path) => /^libs\/[^/]+\/package\.json$/.test(path));
  return libs.flatMap((path) => {
    const name = (JSON.parse(read(path)) as { name: string }).name;
    const users = manifests.filter((text) => text.includes(`"${name}":`)).length;
    return users < 2 ? [`${path}  has ${users} users; move it to where it is used`] : [];
  });
});

check("nothing is left for later, and nothing is disabled", () => {
  const marks = new RegExp(
    `\\b(TO${"DO"}|FIX${"ME"}|X${"XX"})\\b|\\b(test|describe|it)\\.(only|todo)\\b|@ts-ig${"nore"}`,
  );
  return linesThat(SOURCES, marks, "finish it, or file it");
});

/** What a package's files import: package names, each with the first file that names it. */
function importsOf(folder: string): Map<string, string> {
  const imported = new Map<string, string>();
  const named =
    /(?:^(?:import|export|\}) (?:[^"\n]* )?from "|^import "|\bimport\("|\bresolve\("|createRequire\(import[^)]*\)\("|^(?:const|let) .* = require\(")([^"]+)"/gm;
  const within = PACKAGES.filter((inner) => inner.startsWith(`${folder}/`));
  const owned = (path: string) =>
    path.startsWith(`${folder}/`) && !within.some((inner) => path.startsWith(`${inner}/`));
  for (const path of TRACKED.filter((path) => /\.([cm]?js|ts)$/.test(path) && owned(path))) {
    for (const [, specifier] of read(path).matchAll(named)) {
      const name = /^(@[\w-]+\/[\w.-]+|[a-z][\w.-]*)(?=\/|$)/.exec(specifier!)?.[0];
      if (name && !isBuiltin(name) && !imported.has(name)) imported.set(name, path);
    }
  }
  return imported;
}

check("every imported package is declared by its importer, and every declared one is imported", () =>
  PACKAGES.flatMap((folder) => {
    const path = `${folder}/package.json`;
    const manifest = JSON.parse(read(path)) as Manifest;
    // Programs that the benchmark compares with are packages of their own, which nobody here imports.
    if (!manifest.name?.startsWith("@millrace/")) return [];
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const imported = importsOf(folder);
    imported.delete(manifest.name);
    return [
      ...[...imported]
        .filter(([name]) => !declared.includes(name))
        .map(([name, by]) => `${by}  imports ${name}: declare it`),
      ...declared
        .filter((name) => !imported.has(name))
        .map((name) => `${path}  declares ${name}, which nothing imports`),
    ];
  }),
);

check("what is exported is used elsewhere", () => {
  const words = new Map(SOURCES.map((path) => [path, new Set(read(path).match(/\w+/g))]));
  const isUsed = (name: string, by: string) => [...words].some(([path, used]) => path !== by && used.has(name));
  return SOURCES.flatMap((path) =>
    [...read(path).matchAll(/^export (?:async )?(?:function\*?|const|class|abstract class) (\w+)/gm)]
      .filter(([, name]) => !isUsed(name!, path))
      .map(([, name]) => `${path}  exports ${name}, which no other file names`),
  );
});

check("dependencies are pinned exactly", () =>
  TRACKED.filter((path) => path.endsWith("package.json")).flatMap((path) => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(path)) as Manifest;
    return [dependencies, devDependencies, optionalDependencies].flatMap((group) =>
      Object.entries(group ?? {})
        .filter(([, version]) => !/^\d/.test(version))
        .map(([name, version]) => `${path}  ${name}@${version} is not an exact version`),
    );
  }),
);

check("every relative link in a document leads somewhere", () =>
  TRACKED.filter((path) => path.endsWith(".md")).flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(new URL(target, new URL(path, ROOT))))
      .map((target) => `${path}  links to ${target}, which is not there`),
  ),
);

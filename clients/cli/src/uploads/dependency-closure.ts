import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { invalidFields } from "@millrace/errors";
import { PACKAGES_MAX } from "../limits.ts";

// The packages that a program needs when it runs, as Node finds them from its folder: its dependencies, theirs, and so on. They may
// lie in node_modules of any folder above (a workspace hoists them), so each is given the place in the archive from which the
// same lookups find the same packages: at the top where that is free, else below the package that needs it.

export interface PlacedPackage {
  name: string;
  /** Real path of the package. */
  folder: string;
  /** In the archive, ending in `/`, e.g. `node_modules/express/`. */
  place: string;
}

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** Throws `request_invalid` when a dependency is not installed. */
export function dependencyClosure(program: string): PlacedPackage[] {
  const placed = new Map<string, PlacedPackage>();
  const waiting: { folder: string; place: string }[] = [{ folder: realpathSync(program), place: "" }];
  // Breadth first, so that what a package's own place holds is settled before its dependencies look upward through it.
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    for (const [name, isOptional] of dependenciesOf(next.folder)) {
      const folder = locate(name, next.folder);
      if (folder === undefined) {
        if (isOptional) continue;
        throw notInstalled(name, next.folder);
      }
      if (visibleFrom(next.place, name, placed)?.folder === folder) continue;
      const top = `node_modules/${name}/`;
      const place = placed.has(top) ? `${next.place}node_modules/${name}/` : top;
      const addition = { name, folder, place };
      placed.set(place, addition);
      waiting.push(addition);
      if (placed.size > PACKAGES_MAX)
        throw invalidFields([
          { field: join(program, "package.json"), description: `needs over ${PACKAGES_MAX} packages` },
        ]);
    }
  }
  return [...placed.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Whether a program says what it depends on. */
export function hasManifest(folder: string): boolean {
  return existsSync(join(folder, "package.json"));
}

function dependenciesOf(folder: string): Map<string, boolean> {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = readManifest(folder);
  const names = new Map<string, boolean>();
  for (const name of Object.keys(dependencies)) names.set(name, Object.hasOwn(optionalDependencies, name));
  for (const name of Object.keys({ ...optionalDependencies, ...peerDependencies })) {
    if (!names.has(name)) names.set(name, true);
  }
  return names;
}

function readManifest(folder: string): Manifest {
  const file = join(folder, "package.json");
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Manifest;
  } catch {
    throw invalidFields([{ field: file, description: "cannot be read as JSON" }]);
  }
}

/** Node's own way: node_modules of the folder and of each above. */
function locate(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}

/** The package that a lookup from a place in the archive finds. */
function visibleFrom(
  place: string,
  name: string,
  placed: ReadonlyMap<string, PlacedPackage>,
): PlacedPackage | undefined {
  for (let from = place; ; from = from.slice(0, from.lastIndexOf("node_modules/"))) {
    const found = placed.get(`${from}node_modules/${name}/`);
    if (found || from === "") return found;
  }
}

function notInstalled(name: string, folder: string) {
  const description = `the dependency ${name} is not installed; run npm install there`;
  return invalidFields([{ field: join(folder, "package.json"), description }]);
}

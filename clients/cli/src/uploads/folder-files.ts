import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { invalidFields } from "@millrace/errors";
import { FOLDER_BYTES_MAX, FOLDER_FILES_MAX } from "../limits.ts";

/** A file to pack: where it is and what it is called in the archive. */
export interface PackedFile {
  path: string;
  source: string;
}

/**
 * Names that begin with a dot belong to version control, tools and systems, or hold secrets (`.env`, `.npmrc`); none of it is part of a
 * program but this one, which is part of the web.
 */
const HIDDEN_BUT_PACKED = ".well-known";

export interface FolderOptions {
  /** Further names that are left out at any depth. */
  leaveOut?: readonly string[];
  /** File names that are left out at any depth. */
  leaveOutFiles?: RegExp;
  /** Absolute paths that are left out. */
  leaveOutPaths?: readonly string[];
}

/**
 * The files of a folder under `prefix`, sorted by name. Links are followed within the folder and refused when they lead out of it:
 * what is uploaded is what the folder holds.
 */
export function folderFiles(folder: string, prefix: string, options: FolderOptions = {}): PackedFile[] {
  const walk = new FolderWalk(folder, prefix, options);
  walk.enter(folder, []);
  return walk.files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

class FolderWalk {
  readonly files: PackedFile[] = [];
  readonly #root: string;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #options: FolderOptions;
  #bytes = 0;

  constructor(folder: string, prefix: string, options: FolderOptions) {
    this.#folder = folder;
    this.#root = realpathSync(folder);
    this.#prefix = prefix;
    this.#options = options;
  }

  /** `above` are the real paths of the folders on the way here, so that a link to one of them ends. */
  enter(folder: string, above: readonly string[]): void {
    const real = realpathSync(folder);
    if (above.includes(real)) throw refused(this.#nameOf(folder), "is a link to a folder that it is in");
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const source = join(folder, entry.name);
      if (this.#leftOut(entry.name, source)) continue;
      const kind = this.#kindOf(entry, source);
      if (kind === "folder") this.enter(source, [...above, real]);
      else if (kind === "file") this.#add(source);
    }
  }

  #leftOut(name: string, source: string): boolean {
    const { leaveOut = [], leaveOutFiles, leaveOutPaths = [] } = this.#options;
    if (name.startsWith(".") && name !== HIDDEN_BUT_PACKED) return true;
    return leaveOut.includes(name) || leaveOutFiles?.test(name) === true || leaveOutPaths.includes(source);
  }

  #kindOf(entry: Dirent, source: string): "file" | "folder" | "other" {
    if (entry.isSymbolicLink()) {
      const target = this.#targetOf(source);
      if (target !== this.#root && !target.startsWith(this.#root + sep))
        throw refused(this.#nameOf(source), "is a link that leads out of the folder");
      const stats = statSync(source);
      return stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
    }
    return entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other";
  }

  #targetOf(source: string): string {
    try {
      return realpathSync(source);
    } catch {
      throw refused(this.#nameOf(source), "is a link that leads nowhere");
    }
  }

  #add(source: string): void {
    this.#bytes += statSync(source).size;
    if (this.#bytes > FOLDER_BYTES_MAX) throw refused(this.#folder, `holds more than ${FOLDER_BYTES_MAX} bytes`);
    if (this.files.length >= FOLDER_FILES_MAX) throw refused(this.#folder, `holds more than ${FOLDER_FILES_MAX} files`);
    this.files.push({ path: this.#prefix + this.#nameOf(source), source });
  }

  #nameOf(source: string): string {
    return relative(this.#folder, source).split(sep).join("/");
  }
}

function refused(field: string, description: string) {
  return invalidFields([{ field, description }]);
}

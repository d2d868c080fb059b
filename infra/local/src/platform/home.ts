/**
 * As root, a platform whose clone others cannot enter keeps its data outside of it (unprivilegedHome). Such data are worth nothing
 * without the secrets inside the clone, so a home carries the mark of the secrets that it belongs to.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeOpenDirectory } from "../paths.ts";
import type { SecretFiles } from "../secrets/secret-files.ts";

export function claimHome(home: string, stateDirectory: string, files: SecretFiles, log: (line: string) => void): void {
  makeOpenDirectory(home);
  if (home === stateDirectory) return;
  log(`data and engines are kept in ${home}, since other users, such as PostgreSQL's, cannot enter ${stateDirectory}`);
  const mark = files.once("home.id", randomUUID);
  const markFile = join(home, "belongs-to");
  const data = join(home, "data");
  if (existsSync(data) && existsSync(markFile) && readFileSync(markFile, "utf8") !== mark) {
    const aside = `${data}.old`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(data, aside);
    log(`data of an earlier clone at this place were moved to ${aside}`);
  }
  writeFileSync(markFile, mark, { mode: 0o600 });
}

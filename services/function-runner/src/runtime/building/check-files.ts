import { type ArtifactFile, isArtifactPath } from "../../artifacts/artifact-format.ts";
import { BuildRefused } from "../../building/build-report.ts";
import { ARTIFACT_LIMITS } from "../../limits.ts";

/** Throws BuildRefused for files that no runner would take as an artifact: the bundle may be more than what was uploaded. */
export function checkFiles(files: readonly ArtifactFile[]): void {
  const { filesMax, unpackedBytesMax, pathBytesMax } = ARTIFACT_LIMITS;
  const odd = files.find(({ path }) => !isArtifactPath(path));
  if (odd) {
    const message = `A path may have ${pathBytesMax} characters, and neither control characters nor backslashes.`;
    throw BuildRefused.of("archive_refused", odd.path, message);
  }
  if (files.length > filesMax) throw tooLarge(`${files.length} files; there may be ${filesMax}`);
  const bytes = files.reduce((sum, { path, content }) => sum + HEADER_BYTES + path.length * 4 + content.length, 0);
  if (bytes > unpackedBytesMax) throw tooLarge(`over ${unpackedBytesMax} bytes, unpacked`);
}

/** More than a file's lengths take up. */
const HEADER_BYTES = 16;

function tooLarge(what: string): BuildRefused {
  return BuildRefused.of("upload_too_large", "", `The bundled code and its files are ${what}.`);
}

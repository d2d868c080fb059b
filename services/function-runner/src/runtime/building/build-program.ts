// Turns one upload into an artifact, in a process of its own that sees nothing but the upload.
//
// argv: the upload's file, its name, the entry (may be empty), a folder to work in, the esbuild binary.
// Descriptor 3: artifact … built, or refused, or nothing when the program fails.
import { Socket } from "node:net";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from "@millrace/frames";
import { packArtifact } from "../../artifacts/artifact-format.ts";
import { BuildRefused } from "../../building/build-report.ts";
import { Channel } from "../../sandbox/channel.ts";
import { SANDBOX_FRAME, writeJson } from "../../sandbox/sandbox-frames.ts";
import { readAssets } from "./assets.ts";
import { bundle } from "./bundle.ts";
import { checkFiles } from "./check-files.ts";
import { findEntry } from "./find-entry.ts";
import { openUpload } from "./open-upload.ts";

const PIECE_BYTES = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;
const [uploadFile, filename, entry, workFolder, esbuildBinary] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const supervisor = new Channel(new Socket({ fd: 3 }), {
  onFrame: () => {},
  onEnd: () => process.kill(process.pid, "SIGKILL"),
});

try {
  const root = await openUpload(uploadFile, filename, workFolder);
  const entryFile = findEntry(root, entry);
  const code = await bundle(root, entryFile, esbuildBinary);
  const files = [...code, ...readAssets(root)];
  checkFiles(files);
  const artifact = packArtifact(files);
  for (let at = 0; at < artifact.length; at += PIECE_BYTES) {
    const piece = artifact.subarray(at, at + PIECE_BYTES);
    supervisor.writer().begin(SANDBOX_FRAME.artifact, 0, 0).raw(piece).end();
  }
  writeJson(supervisor.writer(), SANDBOX_FRAME.built, 0, { entry: entryFile });
} catch (error) {
  if (!(error instanceof BuildRefused)) throw error;
  writeJson(supervisor.writer(), SANDBOX_FRAME.refused, 0, error.fault);
}

import type { Socket } from "node:net";
import { ARTIFACT_LIMITS, BUILD_LIMITS } from "../limits.ts";
import { Channel } from "../sandbox/channel.ts";
import type { Launcher } from "../sandbox/launcher.ts";
import { readJson, SANDBOX_FRAME } from "../sandbox/sandbox-frames.ts";
import type { Cell } from "../sandbox/sandbox-supply.ts";
import { BuildRefused, readFault } from "./build-report.ts";

export interface Bundled {
  artifact: Buffer;
  /** The entry's path in the upload. */
  entry: string;
}

/** Runs the build program in `cell` to its end. Throws BuildRefused when it refuses the upload or needs too long. */
export async function runBuildProgram(launcher: Launcher, cell: Cell, args: string[]): Promise<Bundled> {
  const outcome = Promise.withResolvers<Bundled>();
  const { folders, uid } = cell;
  const child = launcher.launch({ program: "build", args, folders, channels: 1, uid });
  const pieces: Buffer[] = [];
  let bytes = 0;
  let lastWords = "";
  const channel = new Channel(child.stdio[3] as Socket, {
    onFrame(frame) {
      if (frame.type === SANDBOX_FRAME.artifact) {
        bytes += frame.payload.length;
        if (bytes <= ARTIFACT_LIMITS.packedBytesMax) pieces.push(Buffer.from(frame.payload));
        else outcome.reject(tooLarge());
      } else if (frame.type === SANDBOX_FRAME.built) {
        outcome.resolve({ artifact: Buffer.concat(pieces), entry: String(readJson(frame)?.entry ?? "") });
      } else {
        const fault = frame.type === SANDBOX_FRAME.refused ? readFault(readJson(frame)) : null;
        outcome.reject(fault ? new BuildRefused(fault.reason, fault.findings) : new Error("a build sent nonsense"));
      }
    },
    onEnd() {},
  });
  child.stdout?.resume();
  child.stderr?.on("data", (text: Buffer) => {
    lastWords = (lastWords + text.toString("latin1")).slice(-2048);
  });
  child.once("error", outcome.reject);
  const exited = new Promise<void>((resolve) => {
    child.once("close", (code, signal) => {
      outcome.reject(new Error(`a build ended (${signal ?? code}): ${lastWords}`));
      resolve();
    });
  });
  const timer = setTimeout(() => outcome.reject(tooSlow()), BUILD_LIMITS.timeoutMs);
  try {
    return await outcome.promise;
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    channel.close();
    await exited;
  }
}

function tooLarge(): BuildRefused {
  const { packedBytesMax } = ARTIFACT_LIMITS;
  return BuildRefused.of("upload_too_large", "", `The bundled code is over ${packedBytesMax} bytes, compressed.`);
}

function tooSlow(): BuildRefused {
  return BuildRefused.of("code_invalid", "", `The code could not be bundled within ${BUILD_LIMITS.timeoutMs} ms.`);
}

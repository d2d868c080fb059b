import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ENTRY_FILE, unpackArtifact } from "../artifacts/artifact-format.ts";
import { BUILD_LIMITS } from "../limits.ts";
import type { InstanceEnd } from "../sandbox/sandbox.ts";
import {
  type Loaded,
  type LoadFault,
  OUTPUT_LEVELS,
  readLoaded,
  readLoadFault,
  SANDBOX_FRAME,
} from "../sandbox/sandbox-frames.ts";
import type { SandboxSupply } from "../sandbox/sandbox-supply.ts";
import { BuildRefused } from "./build-report.ts";

/** Loads an artifact once, as it will be loaded to serve, without variables or secrets. Throws BuildRefused. */
export async function tryLoad(supply: SandboxSupply, artifact: Uint8Array, handler: string): Promise<Loaded> {
  const sandbox = supply.take();
  const outcome = Promise.withResolvers<Loaded>();
  const timer = setTimeout(() => outcome.reject(refuseSlow()), BUILD_LIMITS.loadTimeoutMs);
  const folder = join(sandbox.folders.code, "trial");
  for (const { path, content } of unpackArtifact(artifact)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, path), content, { mode: 0o444 });
  }
  sandbox.startInstance(
    { folder, handler, functionName: "trial", functionVersion: "0", memoryMib: TRIAL_MEMORY_MIB, environment: {} },
    {
      onFrame(frame) {
        const loaded = frame.type === SANDBOX_FRAME.loaded ? readLoaded(frame) : null;
        const fault = frame.type === SANDBOX_FRAME.loadFailed ? readLoadFault(frame) : null;
        if (loaded) outcome.resolve(loaded);
        else if (fault) outcome.reject(refuseFault(fault));
        else if (OUTPUT_LEVELS[frame.payload[0] ?? -1] === undefined)
          outcome.reject(new Error("a trial sent nonsense"));
      },
      onEnded: (end) => outcome.reject(refuseEnd(end)),
    },
  );
  try {
    return await outcome.promise;
  } finally {
    clearTimeout(timer);
    sandbox.kill();
    await sandbox.exited;
  }
}

const TRIAL_MEMORY_MIB = 512;
/** A place in a file of the upload: what is Node's own begins with `node:`. */
const PLACE = /(?:\(|\bat )(?!node:)((?:file:\/\/)?[^()\s]+?):(\d+):(\d+)\)?$/m;

function refuseFault({ message, stack }: LoadFault): BuildRefused {
  const place = PLACE.exec(stack);
  return new BuildRefused("code_invalid", [
    {
      file: place?.[1] ?? "",
      line: Number(place?.[2] ?? 0),
      column: Number(place?.[3] ?? 0),
      message: `The code was bundled but does not load: ${message}`,
    },
  ]);
}

function refuseEnd({ cause, text }: InstanceEnd): BuildRefused {
  const what = cause === "outOfMemory" ? `needs over ${TRIAL_MEMORY_MIB} MiB` : `ends its process (${text})`;
  return BuildRefused.of("code_invalid", ENTRY_FILE, `The code was bundled but ${what} while it loads.`);
}

function refuseSlow(): BuildRefused {
  return BuildRefused.of(
    "code_invalid",
    "",
    `The code was bundled but does not load within ${BUILD_LIMITS.loadTimeoutMs} ms.`,
  );
}

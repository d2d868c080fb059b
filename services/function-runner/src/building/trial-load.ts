import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unpackArtifact } from "../artifacts/artifact-format.ts";
import { BUILD_LIMITS } from "../limits.ts";
import type { InstanceEnd, Sandbox } from "../sandbox/sandbox.ts";
import {
  type Loaded,
  type LoadFault,
  OUTPUT_LEVELS,
  readLoaded,
  readLoadFault,
  SANDBOX_FRAME,
} from "../sandbox/sandbox-frames.ts";
import type { SandboxSupply } from "../sandbox/sandbox-supply.ts";
import type { Bundled } from "./build-process.ts";
import { BuildRefused } from "./build-report.ts";

/** Loads an artifact once, as it will be loaded to serve, without variables or secrets. Throws BuildRefused. */
export async function tryLoad(supply: SandboxSupply, { artifact, entry }: Bundled, handler: string): Promise<Loaded> {
  const sandbox = supply.take();
  try {
    await place(artifact, join(sandbox.folders.code, TRIAL_FOLDER));
    return await load(sandbox, entry, handler);
  } finally {
    sandbox.kill();
    await sandbox.exited;
  }
}

async function place(artifact: Buffer, folder: string): Promise<void> {
  for (const { path, content } of unpackArtifact(artifact)) {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
    await writeFile(join(folder, path), content, { mode: 0o444 });
  }
}

function load(sandbox: Sandbox, entry: string, handler: string): Promise<Loaded> {
  const outcome = Promise.withResolvers<Loaded>();
  const timer = setTimeout(() => outcome.reject(refuseSlow(entry)), BUILD_LIMITS.loadTimeoutMs);
  const folder = join(sandbox.inside.code, TRIAL_FOLDER);
  const names = { functionName: "trial", functionVersion: "0" };
  const surroundings = { memoryMib: TRIAL_MEMORY_MIB, environment: {}, hostLoopback: [] };
  sandbox.startInstance(
    { folder, handler, ...names, ...surroundings },
    {
      onFrame(frame) {
        const loaded = frame.type === SANDBOX_FRAME.loaded ? readLoaded(frame) : null;
        const fault = frame.type === SANDBOX_FRAME.loadFailed ? readLoadFault(frame) : null;
        if (loaded) outcome.resolve(loaded);
        else if (fault) outcome.reject(refuseFault(fault, entry));
        else if (OUTPUT_LEVELS[frame.payload[0] ?? -1] === undefined)
          outcome.reject(new Error("a trial sent nonsense"));
      },
      onEnded: (end) => outcome.reject(refuseEnd(end, entry)),
    },
  );
  return outcome.promise.finally(() => clearTimeout(timer));
}

const TRIAL_FOLDER = "trial";
const TRIAL_MEMORY_MIB = 512;
/** A place in a file of the upload. Those of Node and of the platform are URLs or absolute. */
const PLACE = /(?:\(|\bat )([\w@.-][^():\s]*):(\d+):(\d+)\)?$/m;

function refuseFault({ message, stack }: LoadFault, entry: string): BuildRefused {
  const place = PLACE.exec(stack);
  return new BuildRefused("code_invalid", [
    {
      file: place?.[1] ?? entry,
      line: Number(place?.[2] ?? 0),
      column: Number(place?.[3] ?? 0),
      message: `The code was bundled but does not load: ${message}`,
    },
  ]);
}

function refuseEnd({ cause, text }: InstanceEnd, entry: string): BuildRefused {
  const what = cause === "outOfMemory" ? `needs over ${TRIAL_MEMORY_MIB} MiB` : `ends its process (${text})`;
  return BuildRefused.of("code_invalid", entry, `The code was bundled but ${what} while it loads.`);
}

function refuseSlow(entry: string): BuildRefused {
  return BuildRefused.of(
    "code_invalid",
    entry,
    `The code was bundled but does not load within ${BUILD_LIMITS.loadTimeoutMs} ms.`,
  );
}

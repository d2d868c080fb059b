import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import type { BuildRequest } from "@millrace/proto/invocation/v1/invocation";
import { readObject } from "../artifacts/artifact-bus.ts";
import { BUILD_LIMITS } from "../limits.ts";
import type { BusStores } from "../placing/bus-stores.ts";
import { ESBUILD_FILE } from "../sandbox/runtime-folder.ts";
import type { SandboxSupply } from "../sandbox/sandbox-supply.ts";
import { type Bundled, runBuildProgram } from "./build-process.ts";
import { BuildRefused } from "./build-report.ts";
import { tryLoad } from "./trial-load.ts";

export interface BuildDependencies {
  stores: Pick<BusStores, "uploads" | "builds">;
  supply: SandboxSupply;
}

export interface Built {
  digest: string;
  sizeBytes: number;
  shape: string;
  exports: string[];
}

const UPLOAD_FILE = "upload";

/** Turns uploads into artifacts: bundled in a process that sees only the upload, then loaded once in a sandbox of its own. */
export class BuildService {
  readonly #deps: BuildDependencies;

  constructor(deps: BuildDependencies) {
    this.#deps = deps;
  }

  /** Throws BuildRefused for a fault of the upload. */
  async build(request: BuildRequest): Promise<Built> {
    const { stores } = this.#deps;
    const bundled = await this.bundle(await this.#readUpload(request.uploadDigest), request);
    const { artifact } = bundled;
    const { shape, exports } = await tryLoad(this.#deps.supply, bundled, request.handler);
    const digest = digestOf(artifact);
    await stores.builds.putBlob({ name: digest }, artifact);
    return { digest, sizeBytes: artifact.length, shape, exports };
  }

  /** The artifact of an upload, not tried yet. */
  async bundle(upload: Uint8Array, request: Pick<BuildRequest, "filename" | "entry">): Promise<Bundled> {
    const { supply } = this.#deps;
    const cell = supply.openCell();
    try {
      writeFileSync(join(cell.folders.code, UPLOAD_FILE), upload, { mode: 0o644 });
      const { view } = supply.launcher;
      const { code, temporary } = view.inside(cell.folders);
      const esbuild = join(view.programs, ESBUILD_FILE);
      const args = [join(code, UPLOAD_FILE), request.filename, request.entry, temporary, esbuild];
      return await runBuildProgram(supply.launcher, cell, args);
    } finally {
      await cell.remove();
    }
  }

  async #readUpload(digest: string): Promise<Uint8Array> {
    try {
      return await readObject(this.#deps.stores.uploads, digest, BUILD_LIMITS.uploadBytesMax);
    } catch (error) {
      if (!(error instanceof PlatformError) || error.reason !== "upload_too_large") throw error;
      throw BuildRefused.of("upload_too_large", "", `The upload is over ${BUILD_LIMITS.uploadBytesMax} bytes.`);
    }
  }
}

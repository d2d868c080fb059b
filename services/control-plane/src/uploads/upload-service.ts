import { PlatformError } from "@millrace/errors";
import { checkEtag, etagOf } from "@millrace/rpc";
import { inTransaction, query, type Sql, withCommitListener } from "@millrace/sql";
import type { Code, FunctionDraft } from "../functions/function.ts";
import { getFunction, lockFunction, updateCode } from "../functions/function-store.ts";
import { LIMITS, QUOTAS } from "../limits.ts";
import { Places } from "../requests/places.ts";
import { sumCodeBytes } from "./artifact-store.ts";
import { receiveUpload } from "./receive-upload.ts";
import { type Build, checkSource, type Upload } from "./upload.ts";

export interface Builder {
  build(upload: Upload): Promise<Build>;
}

export interface ArtifactKeeper {
  /** Takes a built artifact over. */
  keep(digest: string, sizeBytes: number): Promise<void>;
}

export interface UploadRequest {
  /** Who uploads, e.g. `people/abc`. */
  person: string;
  project: string;
  function: string;
  filename: string;
  entry: string;
  etag: string;
}

export class UploadService {
  readonly #deps: { sql: Sql; builder: Builder; artifacts: ArtifactKeeper; clock: () => Date };
  readonly #places = new Places(LIMITS.uploads);

  constructor(deps: { sql: Sql; builder: Builder; artifacts: ArtifactKeeper; clock: () => Date }) {
    this.#deps = deps;
  }

  /**
   * Turns an upload into the draft's code. Uploads are held in memory, so that only a few run at a time; nobody may have all of them.
   */
  async upload(request: UploadRequest, chunks: AsyncIterable<Uint8Array>): Promise<FunctionDraft> {
    checkSource(request.filename, request.entry);
    const leave = this.#places.enter(request.person);
    if (!leave) throw busy();
    try {
      return await this.#upload(request, chunks);
    } finally {
      leave();
    }
  }

  async #upload(request: UploadRequest, chunks: AsyncIterable<Uint8Array>): Promise<FunctionDraft> {
    const { sql, builder, artifacts, clock } = this.#deps;
    const draft = await query(() => getFunction(sql, request.project, request.function));
    checkEtag(request.etag, etagOf(draft.version));
    const { bytes, digest: uploadDigest } = await receiveUpload(chunks);
    const { handler } = draft.config;
    const source = `${request.filename}|${request.entry}`;
    const { code } = draft;
    if (code?.uploadDigest === uploadDigest && code.source === source && code.handler === handler) return draft;
    const { filename, entry } = request;
    const build = await builder.build({ bytes, digest: uploadDigest, filename, entry, handler });
    // The bytes alone change nothing of the project: the audit log's line belongs to what settles them.
    await withCommitListener(undefined, () => artifacts.keep(build.digest, build.sizeBytes));
    return this.#settle(request, { ...build, uploadDigest, source, handler, uploadedAt: clock() });
  }

  #settle(request: UploadRequest, code: Code): Promise<FunctionDraft> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const draft = await lockFunction(tx, request.project, request.function);
      checkEtag(request.etag, etagOf(draft.version));
      await updateCode(tx, draft.uid, code);
      checkCodeBytes(await sumCodeBytes(tx, request.project));
      return getFunction(tx, request.project, request.function);
    });
  }
}

function checkCodeBytes(bytes: number): void {
  const { codeBytesPerProject: quota } = QUOTAS;
  if (bytes <= quota) return;
  const message = `The project's code would have ${bytes} bytes; more than ${quota} are not allowed. Delete versions first.`;
  throw new PlatformError("resource_exhausted", message, {
    reason: "code_quota_exceeded",
    metadata: { quota: String(quota) },
  });
}

function busy(): PlatformError {
  return new PlatformError("resource_exhausted", "Too many uploads are running; try again.", { reason: "upload_busy" });
}

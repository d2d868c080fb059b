import {
  type FunctionMessage,
  FunctionServiceService,
  type UploadCodeRequest,
} from "@millrace/proto/control/v1/functions";
import { UPLOAD_CHUNK_BYTES, UPLOAD_TIMEOUT_MS } from "../limits.ts";
import type { PlatformClient } from "../platform-client.ts";
import type { Upload } from "./pack-code.ts";

/** Sends code for a function's draft. `name` is `projects/{project}/functions/{function}`. */
export function uploadCode(platform: PlatformClient, name: string, upload: Upload): Promise<FunctionMessage> {
  return platform.callClientStream(FunctionServiceService.uploadCode, messages(name, upload), {
    timeoutMs: UPLOAD_TIMEOUT_MS,
  });
}

function* messages(name: string, { filename, entry, bytes }: Upload): Generator<UploadCodeRequest> {
  yield { part: { $case: "header", value: { name, filename, entry, etag: "" } } };
  for (let at = 0; at < bytes.length; at += UPLOAD_CHUNK_BYTES) {
    yield { part: { $case: "chunk", value: bytes.subarray(at, at + UPLOAD_CHUNK_BYTES) } };
  }
}

import { invalidFields, PlatformError } from "@millrace/errors";
import { parseName } from "@millrace/names";
import type { FunctionServiceService, UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import { type HandlersOf, requireRole } from "@millrace/rpc";
import { toFunctionMessage } from "../functions/function-rpc.ts";
import { LIMITS } from "../limits.ts";
import { untilAborted } from "./receive-upload.ts";
import type { UploadService } from "./upload-service.ts";

type Handlers = HandlersOf<typeof FunctionServiceService>;

export function uploadHandlers(uploads: UploadService): Pick<Handlers, "uploadCode"> {
  return {
    async uploadCode(requests, { principal, signal }) {
      const messages = untilAborted(requests, AbortSignal.any([signal, uploadTimeout()]));
      const first = await messages.next();
      const header = first.done || first.value.part?.$case !== "header" ? undefined : first.value.part.value;
      if (!header) throw invalidFields([{ field: "header", description: "must be the first message" }]);
      const ids = parseName("function", header.name, "header.name");
      requireRole(principal, ids.project, "developer");
      const { filename, entry, etag } = header;
      const request = { project: ids.project, function: ids.function, filename, entry, etag };
      return toFunctionMessage(await uploads.upload(request, chunksOf(messages)));
    },
  };
}

async function* chunksOf(messages: AsyncIterable<UploadCodeRequest>): AsyncGenerator<Uint8Array> {
  for await (const { part } of messages) {
    if (part?.$case !== "chunk") throw invalidFields([{ field: "chunk", description: "must follow the header" }]);
    yield part.value;
  }
}

function uploadTimeout(): AbortSignal {
  const timeout = new AbortController();
  const tooSlow = new PlatformError("deadline_exceeded", "The upload took too long.", { reason: "upload_timeout" });
  setTimeout(() => timeout.abort(tooSlow), LIMITS.uploadTimeoutMs).unref();
  return timeout.signal;
}

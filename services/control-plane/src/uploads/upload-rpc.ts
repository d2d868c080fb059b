import { invalidFields } from "@millrace/errors";
import { parseName } from "@millrace/names";
import type { FunctionServiceService, UploadCodeRequest } from "@millrace/proto/control/v1/functions";
import { type HandlersOf, principalName, requireRole } from "@millrace/rpc";
import { toFunctionMessage } from "../functions/function-rpc.ts";
import { LIMITS } from "../limits.ts";
import { unlessStalled, untilAborted } from "./receive-upload.ts";
import { uploadTooSlow } from "./upload.ts";
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
      const person = principalName(principal);
      const request = { person, project: ids.project, function: ids.function, filename, entry, etag };
      return toFunctionMessage(
        await uploads.upload(request, unlessStalled(chunksOf(messages), LIMITS.uploadStallTimeoutMs)),
      );
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
  setTimeout(() => timeout.abort(uploadTooSlow()), LIMITS.uploadTimeoutMs).unref();
  return timeout.signal;
}

import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import type { LogServiceService } from "@millrace/proto/control/v1/logs";
import { type HandlersOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { numbersAfter } from "../requests/paging.ts";
import type { LogPosition } from "./log.ts";
import type { LogService } from "./log-service.ts";

const PAGE = { default: 100, max: 1_000 };
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export function logHandlers(logs: LogService): HandlersOf<typeof LogServiceService> {
  return {
    async listLogs(request) {
      const { parent, requestId, after, before } = request;
      const { project } = parseName("project", parent, "parent");
      if (requestId !== "" && !REQUEST_ID.test(requestId)) {
        throw invalidFields([{ field: "request_id", description: "must be 1 to 128 printable characters" }]);
      }
      const filter = {
        project,
        function: request.function === "" ? undefined : checkId("function", request.function, "function"),
        requestId: requestId === "" ? undefined : requestId,
        after,
        before,
      };
      const scope = `logs ${parent} ${request.function} ${requestId}`;
      const size = pageSizeOf(request.pageSize, PAGE);
      const rows = await logs.list(filter, positionOf(scope, request.pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ atMicros, sequence, line }) =>
        [atMicros, sequence, line].map(String),
      );
      const entries = page.map(({ at, functionId, functionVersion, requestId, level, message }) => ({
        time: at,
        function: functionId,
        version: functionVersion,
        requestId,
        level,
        message,
      }));
      return { entries, nextPageToken };
    },
  };
}

function positionOf(scope: string, token: string): LogPosition | undefined {
  const numbers = numbersAfter(scope, token, 3);
  if (!numbers) return undefined;
  const [atMicros, sequence, line] = numbers as [number, number, number];
  return { atMicros, sequence, line };
}

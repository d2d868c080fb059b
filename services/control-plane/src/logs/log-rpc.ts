import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import type { LogServiceService } from "@millrace/proto/control/v1/logs";
import { type HandlersOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { BIGINT_MAX, INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import type { LogPosition } from "./log.ts";
import type { LogService } from "./log-service.ts";

const PAGE = { default: 100, max: 1_000 };
/** protobuf's timestamps end with the year 9999. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export function logHandlers(logs: LogService): HandlersOf<typeof LogServiceService> {
  return {
    async listLogs(request) {
      const { parent, requestId, after, before } = request;
      const { project } = parseName("project", parent, "parent");
      if (requestId !== "" && !REQUEST_ID.test(requestId)) {
        throw invalidFields([{ field: "request_id", description: "must be 1 to 128 printable characters" }]);
      }
      checkInstant("after", after);
      checkInstant("before", before);
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

function checkInstant(field: string, instant: Date | undefined): void {
  const ms = instant?.getTime() ?? 0;
  if (ms >= 0 && ms <= LATEST_MS) return;
  throw invalidFields([{ field, description: "must be a time from 1970 to 9999" }]);
}

function positionOf(scope: string, token: string): LogPosition | undefined {
  const numbers = numbersAfter(scope, token, [BIGINT_MAX, BIGINT_MAX, INTEGER_MAX]);
  if (!numbers) return undefined;
  const [atMicros, sequence, line] = numbers as [number, number, number];
  return { atMicros, sequence, line };
}

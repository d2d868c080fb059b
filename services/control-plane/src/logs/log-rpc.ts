import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import type { LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { type HandlersOf, pageOf, pageSizeOf, pageToken } from "@millrace/rpc";
import { cursorAfter, keyOfCursor, keyOfPosition, positionAfter } from "../events/position.ts";
import { checkBacklog, checkInstant } from "../events/request-fields.ts";
import type { LogLine } from "./log.ts";
import type { LogService } from "./log-service.ts";

const PAGE = { default: 100, max: 1_000 };
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export function logHandlers(logs: LogService): HandlersOf<typeof LogServiceService> {
  return {
    async listLogs(request) {
      const { parent, requestId, after, before } = request;
      checkInstant("after", after);
      checkInstant("before", before);
      const filter = { ...filterOf(request), after, before };
      const scope = `logs ${parent} ${request.function} ${requestId}`;
      const size = pageSizeOf(request.pageSize, PAGE);
      const rows = await logs.list(filter, positionAfter(scope, request.pageToken), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, keyOfPosition);
      return { entries: page.map(entryOf), nextPageToken };
    },

    async *tailLogs(request, context) {
      const { parent, requestId, resumeToken, backlog, after } = request;
      checkInstant("after", after);
      const filter = { ...filterOf(request), after, before: undefined };
      const scope = `tail logs ${parent} ${request.function} ${requestId}`;
      const from = { cursor: cursorAfter(scope, resumeToken), backlog: checkBacklog(backlog), context };
      for await (const { rows, cursor } of logs.tail(filter, from)) {
        yield { entries: rows.map(entryOf), resumeToken: pageToken(scope, keyOfCursor(cursor)) };
      }
    },
  };
}

export function entryOf({ at, functionId, functionVersion, requestId, level, message, runner }: LogLine): LogEntry {
  return { time: at, function: functionId, version: functionVersion, requestId, level, message, runner };
}

function filterOf({ parent, requestId, ...request }: { parent: string; requestId: string; function: string }) {
  const { project } = parseName("project", parent, "parent");
  if (requestId !== "" && !REQUEST_ID.test(requestId)) {
    throw invalidFields([{ field: "request_id", description: "must be 1 to 128 printable characters" }]);
  }
  return {
    project,
    function: request.function === "" ? undefined : checkId("function", request.function, "function"),
    requestId: requestId === "" ? undefined : requestId,
  };
}

import { invalidFields } from "@millrace/errors";
import { checkId, parseName } from "@millrace/names";
import type { ListLogsRequest, LogEntry, LogServiceService } from "@millrace/proto/control/v1/logs";
import { type HandlersOf, pageSizeOf, pageToken } from "@millrace/rpc";
import { gapMessage } from "../events/gap.ts";
import { cursorAfter, keyOfCursor, pageOfScan, positionAfter } from "../events/position.ts";
import { checkBacklog, checkCount, checkInstant, checkSource, checkText } from "../events/request-fields.ts";
import type { LogLine } from "./log.ts";
import type { LogService } from "./log-service.ts";

const PAGE = { default: 100, max: 1_000 };
const LEVELS: readonly string[] = ["debug", "info", "warn", "error", "platform"];
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export function logHandlers(logs: LogService): HandlersOf<typeof LogServiceService> {
  return {
    async listLogs(request) {
      const { after, before } = request;
      checkInstant("after", after);
      checkInstant("before", before);
      const { filter: asked, scope: named } = filterOf(request);
      const filter = { ...asked, after, before };
      const scope = `logs ${named}`;
      const size = pageSizeOf(request.pageSize, PAGE);
      const position = positionAfter(scope, request.pageToken);
      const scan = await logs.list(filter, position, size + 1);
      const { page, nextPageToken, span } = pageOfScan(scan, { size, scope, filter, position });
      const gaps = await logs.gaps(filter.project, span);
      return { entries: page.map(entryOf), nextPageToken, gaps: gaps.map(gapMessage) };
    },

    async *tailLogs(request, context) {
      const { resumeToken, backlog, after } = request;
      checkInstant("after", after);
      const { filter: asked, scope: named } = filterOf(request);
      const filter = { ...asked, after, before: undefined };
      const scope = `tail logs ${named}`;
      const from = { cursor: cursorAfter(scope, resumeToken), backlog: checkBacklog(backlog), context };
      for await (const { rows, gaps, cursor } of logs.tail(filter, from)) {
        const turn = { entries: rows.map(entryOf), gaps: gaps.map(gapMessage) };
        yield { ...turn, resumeToken: pageToken(scope, keyOfCursor(cursor)) };
      }
    },
  };
}

export function entryOf({ at, functionId, functionVersion, requestId, level, message, runner }: LogLine): LogEntry {
  return { time: at, function: functionId, version: functionVersion, requestId, level, message, runner };
}

type Asked = Pick<ListLogsRequest, "parent" | "requestId" | "function" | "levels" | "version" | "runner" | "text">;

/** Reads what both calls ask for, and what it is called in tokens. */
function filterOf({ parent, requestId, ...asked }: Asked) {
  const { project } = parseName("project", parent, "parent");
  if (requestId !== "" && !REQUEST_ID.test(requestId)) {
    throw invalidFields([{ field: "request_id", description: "must be 1 to 128 printable characters" }]);
  }
  const filter = {
    project,
    function: asked.function === "" ? undefined : checkId("function", asked.function, "function"),
    requestId: requestId === "" ? undefined : requestId,
    levels: checkLevels(asked.levels),
    version: checkCount("version", asked.version),
    runner: checkSource("runner", asked.runner),
    text: checkText("text", asked.text),
  };
  return { filter, scope: JSON.stringify(filter) };
}

function checkLevels(levels: readonly string[]): string[] | undefined {
  if (levels.some((level) => !LEVELS.includes(level))) {
    throw invalidFields([{ field: "levels", description: `must be among ${LEVELS.join(", ")}` }]);
  }
  return levels.length === 0 ? undefined : [...new Set(levels)].toSorted();
}

import { formatName, parseName } from "@millrace/names";
import type { InvocationRecord, RequestRecord, RequestServiceService } from "@millrace/proto/control/v1/requests";
import type { RequestPhases } from "@millrace/proto/invocation/v1/invocation";
import { type HandlersOf, pageOf, pageSizeOf, pageToken } from "@millrace/rpc";
import { entryOf } from "../logs/log-rpc.ts";
import type { Invocation } from "./invocation.ts";
import { cursorAfter, keyOfCursor, keyOfPosition, positionAfter } from "./position.ts";
import type { Request } from "./request.ts";
import { checkBacklog, readFilter } from "./request-fields.ts";
import type { RequestService } from "./request-service.ts";

const PAGE = { default: 100, max: 1_000 };
const PHASES = ["access", "body", "queue", "dispatch", "function", "answer"] as const satisfies (keyof RequestPhases)[];

export function requestHandlers(requests: RequestService): HandlersOf<typeof RequestServiceService> {
  return {
    async listRequests({ parent, filter: asked, pageSize, pageToken: token }) {
      const { filter, scope } = readFilter(parent, asked);
      const size = pageSizeOf(pageSize, PAGE);
      const rows = await requests.list(filter, positionAfter(`requests ${scope}`, token), size + 1);
      const { page, nextPageToken } = pageOf(rows, size, `requests ${scope}`, keyOfPosition);
      return { requests: page.map(recordOf), nextPageToken };
    },

    async getRequest({ name }) {
      const { project, request: requestId } = parseName("request", name);
      const { request, invocations, lines, ...explanation } = await requests.report(project, requestId);
      return {
        request: request && recordOf(request),
        invocations: invocations.map(invocationOf),
        entries: lines.map(entryOf),
        ...explanation,
      };
    },

    async *tailRequests({ parent, filter: asked, backlog, resumeToken }, context) {
      const { filter, scope } = readFilter(parent, asked);
      const from = { cursor: cursorAfter(`tail ${scope}`, resumeToken), backlog: checkBacklog(backlog), context };
      for await (const { rows, cursor } of requests.tail(filter, from)) {
        yield { requests: rows.map(recordOf), resumeToken: pageToken(`tail ${scope}`, keyOfCursor(cursor)) };
      }
    },
  };
}

function recordOf({ at, gateway, project, requestId, event }: Request): RequestRecord {
  const { phases, project: _project, requestId: _requestId, functionUid: _functionUid, ...rest } = event;
  return {
    ...rest,
    name: formatName("request", { project, request: requestId }),
    time: at,
    gateway,
    phases: PHASES.flatMap((name) => {
      const durationMs = phases?.[name];
      return durationMs === undefined ? [] : [{ name, durationMs }];
    }),
  };
}

function invocationOf({ at, functionId, functionVersion, cpuUs, memoryKib, ...rest }: Invocation): InvocationRecord {
  return {
    ...rest,
    endTime: at,
    function: functionId,
    version: functionVersion,
    cpuUs: cpuUs ?? undefined,
    memoryKib: memoryKib ?? undefined,
  };
}

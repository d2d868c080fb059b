import { formatName, parseName } from "@millrace/names";
import type {
  InvocationRecord,
  ListRequestsResponse,
  ListUnroutedRequestsRequest,
  RequestRecord,
  RequestReport,
  RequestServiceService,
  TailUnroutedRequestsRequest,
} from "@millrace/proto/control/v1/requests";
import type { RequestPhases } from "@millrace/proto/invocation/v1/invocation";
import { type HandlersOf, pageSizeOf, pageToken, type RpcContext } from "@millrace/rpc";
import { entryOf } from "../logs/log-rpc.ts";
import { gapMessage } from "./gap.ts";
import type { Invocation } from "./invocation.ts";
import { cursorAfter, keyOfCursor, pageOfScan, positionAfter } from "./position.ts";
import type { Request } from "./request.ts";
import { checkBacklog, readFilter } from "./request-fields.ts";
import type { RequestService } from "./request-service.ts";

const PAGE = { default: 100, max: 1_000 };
/** The project of requests that no deployment answered. */
const UNROUTED = "";
const PHASES = [
  "access",
  "body",
  "queue",
  "dispatch",
  "function",
  "backend",
  "answer",
] as const satisfies (keyof RequestPhases)[];

export function requestHandlers(requests: RequestService): HandlersOf<typeof RequestServiceService> {
  async function list(project: string, asked: ListUnroutedRequestsRequest): Promise<ListRequestsResponse> {
    const { filter, scope: named } = readFilter(project, asked.filter);
    const scope = `requests ${named}`;
    const size = pageSizeOf(asked.pageSize, PAGE);
    const position = positionAfter(scope, asked.pageToken);
    const span = { after: filter.after, before: filter.before };
    const scan = await requests.list(filter, position, size + 1);
    const { page, nextPageToken, span: covered } = pageOfScan(scan, { size, scope, filter: span, position });
    const gaps = await requests.gaps(project, covered);
    return { requests: page.map(recordOf), nextPageToken, gaps: gaps.map(gapMessage) };
  }

  async function report(project: string, requestId: string): Promise<RequestReport> {
    const { request, invocations, lines, ...explanation } = await requests.report(project, requestId);
    return {
      request: request && recordOf(request),
      invocations: invocations.map(invocationOf),
      entries: lines.map(entryOf),
      ...explanation,
    };
  }

  async function* tail(project: string, asked: TailUnroutedRequestsRequest, context: RpcContext) {
    const { filter, scope: named } = readFilter(project, asked.filter);
    const scope = `tail ${named}`;
    const from = { cursor: cursorAfter(scope, asked.resumeToken), backlog: checkBacklog(asked.backlog), context };
    for await (const { rows, gaps, cursor } of requests.tail(filter, from)) {
      const resumeToken = pageToken(scope, keyOfCursor(cursor));
      yield { requests: rows.map(recordOf), resumeToken, gaps: gaps.map(gapMessage) };
    }
  }

  return {
    listRequests: ({ parent, ...asked }) => list(projectOf(parent), asked),

    listUnroutedRequests: (asked) => list(UNROUTED, asked),

    async getRequest({ name }) {
      const { project, request } = parseName("request", name);
      return report(project, request);
    },

    async getUnroutedRequest({ name }) {
      return report(UNROUTED, parseName("unroutedRequest", name).request);
    },

    tailRequests: ({ parent, ...asked }, context) => tail(projectOf(parent), asked, context),

    tailUnroutedRequests: (asked, context) => tail(UNROUTED, asked, context),
  };
}

function projectOf(parent: string): string {
  return parseName("project", parent, "parent").project;
}

function recordOf({ at, gateway, project, requestId, event }: Request): RequestRecord {
  const { phases, project: _project, requestId: _requestId, functionUid: _functionUid, ...rest } = event;
  return {
    ...rest,
    name:
      project === UNROUTED
        ? formatName("unroutedRequest", { request: requestId })
        : formatName("request", { project, request: requestId }),
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

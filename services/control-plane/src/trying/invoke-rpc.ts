import { checkId, parseName } from "@millrace/names";
import type {
  FunctionTestServiceService,
  InvokeFunctionRequest,
  InvokeFunctionResponse,
} from "@millrace/proto/control/v1/function_tests";
import type { TrialResult } from "@millrace/proto/invocation/v1/invocation";
import { type HandlersOf, principalName } from "@millrace/rpc";
import { LATEST } from "../apis/api.ts";
import type { Invoked, InvokeRequest, InvokeService } from "./invoke-service.ts";
import { kindOf } from "./test-event-rpc.ts";

type Handlers = HandlersOf<typeof FunctionTestServiceService>;

export function invokeHandlers(invocations: InvokeService): Pick<Handlers, "invokeFunction"> {
  return {
    async invokeFunction(request, { principal }) {
      const ids = parseName("function", request.name);
      const qualifier = qualifierOf(request.qualifier);
      const asked = { person: principalName(principal), qualifier, event: eventOf(request) };
      return toMessage(
        ids.function,
        await invocations.invoke({ ...asked, project: ids.project, function: ids.function }),
      );
    },
  };
}

function qualifierOf(qualifier: string): string {
  if (qualifier === "" || qualifier === LATEST) return LATEST;
  return checkId(/^\d+$/.test(qualifier) ? "version" : "alias", qualifier, "qualifier");
}

function eventOf({ event }: InvokeFunctionRequest): InvokeRequest["event"] {
  if (event?.$case === "testEvent") return { stored: checkId("testEvent", event.value, "test_event") };
  return event && { kind: kindOf(event.value.kind, "given.kind") ?? "jd", body: event.value.body };
}

function toMessage(
  functionId: string,
  { requestId, version, memoryLimitMib, isResponse, result }: Invoked,
): InvokeFunctionResponse {
  const { outcome, lines } = result;
  const reason = outcome?.reason ?? "";
  return {
    requestId,
    version,
    reason,
    error: reason === "" ? "" : errorOf(result),
    status: isResponse ? result.status : 0,
    headers: isResponse ? headersOf(result.headers) : [],
    result: result.body,
    resultTruncated: result.bodyTruncated,
    cold: outcome?.cold ?? false,
    durationMs: outcome?.durationMs ?? 0,
    waitMs: outcome?.waitMs ?? 0,
    cpuUs: outcome?.cpuUs,
    memoryKib: outcome?.memoryKib,
    memoryLimitMib,
    lines: lines.map(({ time, level, message }) => ({
      ...{ time, level, message, requestId, version },
      function: functionId,
      runner: "",
    })),
    linesDropped: result.linesDropped,
  };
}

/** What was thrown is the last that an invocation says on its own. */
function errorOf({ lines }: TrialResult): string {
  return lines.findLast(({ level }) => level === "error" || level === "platform")?.message ?? "";
}

function headersOf(flat: readonly string[]): { name: string; value: string }[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ name: flat[i * 2]!, value: flat[i * 2 + 1]! }));
}

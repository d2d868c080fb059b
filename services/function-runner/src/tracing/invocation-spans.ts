import { randomBytes } from "node:crypto";
import type { FunctionVersionRecord } from "@millrace/proto/release/v1/release";
import { type FinishedSpan, spanBelow, type TraceParent, wallClockOffsetMs } from "@millrace/telemetry/tracing";
import type { Invocation, InvocationOutcome } from "../instances/invocation.ts";
import { readOwnSpans } from "./own-spans.ts";

//   run {function}            server, below the gateway's call: from acceptance to the end
//   ├ wait                    until an instance began it
//   ├ start instance          of that, when one had to be loaded
//   └ function {function}     internal, what the function is told its span is
//     └ …                     its own

/** The spans of an invocation that is over. Whose trace they belong to is the gateway's word, never the function's. */
export function invocationSpans(
  { functionId, project, version }: FunctionVersionRecord,
  invocation: Invocation,
  outcome: InvocationOutcome,
  { traceId, spanId: callId }: TraceParent,
): FinishedSpan[] {
  const { acceptedAt, begunAt, loading, request } = invocation;
  const endedAt = acceptedAt + outcome.durationMs;
  const offsetMs = wallClockOffsetMs();
  const runId = randomId();
  const functionSpanId = spanBelow(callId);
  const common = { "millrace.request_id": request.requestId, "millrace.project": project };
  const error = hasFailed(outcome) ? outcome.reason || `status ${outcome.status}` : undefined;
  const span = (name: string, fromAt: number, untilAt: number, own: Partial<FinishedSpan>): FinishedSpan => ({
    traceId,
    spanId: randomId(),
    parentSpanId: runId,
    name,
    kind: "internal",
    startedAtMs: fromAt + offsetMs,
    endedAtMs: Math.max(fromAt, untilAt) + offsetMs,
    attributes: common,
    ...own,
  });
  const spans = [
    span(`run ${functionId}`, acceptedAt, endedAt, {
      ...{ spanId: runId, parentSpanId: callId, kind: "server", error },
      attributes: { ...common, "millrace.version": version, ...attributesOf(outcome) },
    }),
  ];
  if (outcome.waitMs >= WAIT_TOLD_MS) spans.push(span("wait", acceptedAt, acceptedAt + outcome.waitMs, {}));
  if (loading) spans.push(span("start instance", Math.max(acceptedAt, loading.startedAt), loading.loadedAt, {}));
  if (begunAt === 0) return spans;
  const taken = new Set([callId, functionSpanId, ...spans.map(({ spanId }) => spanId)]);
  const own = invocation.ownSpans ? readOwnSpans(invocation.ownSpans, taken) : undefined;
  spans.push(
    span(`function ${functionId}`, begunAt, endedAt, {
      ...{ spanId: functionSpanId, error },
      attributes: { ...common, ...(own && own.dropped > 0 && { "millrace.spans_dropped": own.dropped }) },
    }),
  );
  for (const { id, kind, parent, name, startMs, endMs, attributes, error } of own?.spans ?? []) {
    const within = (ms: number) => Math.min(begunAt + ms, endedAt);
    spans.push(
      span(name, within(startMs), endMs === undefined ? endedAt : within(endMs), {
        ...{ spanId: id, kind, parentSpanId: parent || functionSpanId },
        error: error ?? (endMs === undefined ? "it did not end" : undefined),
        attributes: { ...attributes, ...common },
      }),
    );
  }
  return spans;
}

/** Less is no waiting. */
const WAIT_TOLD_MS = 1;

/** That a caller has gone is no failure. */
export function hasFailed({ reason, status }: InvocationOutcome): boolean {
  return (reason !== "" && reason !== "caller_gone") || status >= 500;
}

function attributesOf({ status, reason, cold, done }: InvocationOutcome) {
  return {
    "faas.coldstart": cold,
    ...(status !== 0 && { "http.response.status_code": status }),
    ...(reason !== "" && { "error.type": reason }),
    ...(done && { "millrace.cpu_us": done.cpuUs, "millrace.memory_kib": done.memoryKib }),
  };
}

function randomId(): string {
  return randomBytes(8).toString("hex");
}

import type { RequestPhases } from "@millrace/proto/invocation/v1/invocation";
import { type FinishedSpan, spanBelow, wallClockOffsetMs } from "@millrace/telemetry/tracing";
import { REASONS } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import { EVENT_LIMITS } from "../limits.ts";
import type { AccessLogLine } from "./access-log.ts";
import { randomHex } from "./random-ids.ts";
import { phasesOf } from "./request-event.ts";
import type { RequestSpan } from "./traces.ts";

//   GET /pets/{petId}   server, the request
//   ├ access · body     the phases of the request event
//   ├ call {function}   client: below it are the runner's spans, or an http backend's
//   │ └ queue · dispatch
//   └ answer

const IN_CALL: ReadonlySet<string> = new Set(["queue", "dispatch", "function", "backend"]);

interface Stretch {
  name: string;
  fromMs: number;
  untilMs: number;
}

/** The spans of a request that is over, made of its phases. */
export function requestSpans(
  exchange: Exchange,
  { traceId, spanId, parentSpanId }: RequestSpan,
  line: AccessLogLine,
  durationMs: number,
): FinishedSpan[] {
  const startedAtMs = exchange.startedAtMs + wallClockOffsetMs();
  const error = hasFailed(exchange) ? line.reason || `status ${line.status}` : undefined;
  const callId = spanBelow(spanId);
  const span = (stretch: Stretch, own: Partial<FinishedSpan>): FinishedSpan => ({
    traceId,
    spanId: randomHex(8),
    parentSpanId: spanId,
    name: stretch.name,
    kind: "internal",
    startedAtMs: startedAtMs + stretch.fromMs,
    endedAtMs: startedAtMs + stretch.untilMs,
    attributes: {},
    ...own,
  });
  const stretches = stretchesOf(phasesOf(exchange, durationMs));
  const inCall = stretches.filter(({ name }) => IN_CALL.has(name));
  const name = [line.method, exchange.route?.resource].filter(Boolean).join(" ");
  const attributes = attributesOf(line, exchange);
  const spans = [
    span({ name, fromMs: 0, untilMs: durationMs }, { spanId, parentSpanId, kind: "server", attributes, error }),
  ];
  if (inCall.length > 0) {
    const callName = `call ${exchange.backend?.host ?? line.function}`;
    const stretch = { name: callName, fromMs: inCall[0]!.fromMs, untilMs: inCall.at(-1)!.untilMs };
    spans.push(span(stretch, { spanId: callId, kind: "client", attributes: callAttributesOf(line, exchange), error }));
  }
  for (const stretch of stretches) {
    // What the call does there, the runner tells, or an http backend itself.
    if (stretch.name === "function" || stretch.name === "backend") continue;
    spans.push(span(stretch, IN_CALL.has(stretch.name) ? { parentSpanId: callId } : {}));
  }
  return spans;
}

/** Not by the caller's fault: by ours, the function's or an http backend's. */
export function hasFailed({ reason, response }: Exchange): boolean {
  return (reason === null ? response.statusCode : REASONS[reason].status) >= 500;
}

/** They follow each other. */
function stretchesOf(phases: RequestPhases): Stretch[] {
  let atMs = 0;
  return Object.entries(phases).map(([name, ms = 0]) => {
    const fromMs = atMs;
    atMs += ms;
    return { name, fromMs, untilMs: atMs };
  });
}

function attributesOf(line: AccessLogLine, exchange: Exchange) {
  return told({
    "http.request.method": line.method,
    "http.route": exchange.route?.resource,
    "http.response.status_code": line.status || undefined,
    "url.scheme": exchange.scheme,
    // Without its query, which may hold secrets.
    "url.path": line.path.slice(0, EVENT_LIMITS.pathCharsMax),
    "server.address": line.host,
    "client.address": line.sourceIp,
    "user_agent.original": line.userAgent,
    "error.type": line.reason,
    "millrace.request_id": line.requestId,
    "millrace.deployment": line.deployment,
    "millrace.release": line.release || undefined,
    "millrace.revision": line.revision,
    "millrace.api": line.api,
    "millrace.key_id": line.keyId,
    "millrace.component": line.component,
  });
}

function callAttributesOf(line: AccessLogLine, { call, backend }: Exchange) {
  return told({
    "millrace.request_id": line.requestId,
    "millrace.function": line.function,
    "millrace.runner": line.runner,
    "millrace.attempts": line.attempts || undefined,
    "millrace.cold": call?.isCold,
    "server.address": backend?.host,
    "http.response.status_code": backend?.status || undefined,
  });
}

/** Without those of which nothing is known. */
function told(attributes: Record<string, string | number | boolean | undefined>) {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined && value !== ""));
}

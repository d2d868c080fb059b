import type { RequestEvent, RequestPhases } from "@millrace/proto/invocation/v1/invocation";
import type { Exchange } from "../edge/exchange.ts";
import { EVENT_LIMITS } from "../limits.ts";
import type { Deployment } from "../releases/deployments.ts";
import type { AccessLogLine } from "./access-log.ts";

/** The wide event of a request that has ended; `line` is what the access log says of it. */
export function requestEventOf(
  exchange: Exchange,
  line: AccessLogLine,
  deployment: Deployment,
  durationMs: number,
): RequestEvent {
  const [, project = "", , group = "", , environment = ""] = deployment.name.split("/");
  const { version, call, request } = exchange;
  return {
    time: new Date(Date.now() - durationMs),
    requestId: line.requestId,
    traceId: line.traceId,
    project,
    group,
    environment,
    release: line.release,
    revision: line.revision,
    api: line.api,
    method: line.method,
    scheme: "http",
    host: cut(line.host),
    path: line.path.slice(0, EVENT_LIMITS.pathCharsMax),
    protocol: line.protocol,
    sourceIp: line.sourceIp,
    forwardedFor: cut(textOf(request.headers["x-forwarded-for"])),
    // Without its query, which may hold secrets as ours may.
    referer: cut(textOf(request.headers.referer).replace(/[?#].*/s, "")),
    userAgent: line.userAgent,
    callerProject: line.project,
    keyId: line.keyId,
    authType: line.authType,
    status: line.status,
    reason: line.reason,
    component: line.component,
    requestBytes: line.bytesIn,
    responseBytes: line.bytesOut,
    contentType: cut(contentTypeIn(exchange.headers)),
    durationMs,
    phases: phasesOf(exchange, durationMs),
    function: version?.functionId ?? "",
    functionVersion: version?.version ?? 0,
    functionUid: version?.functionUid ?? "",
    runner: line.runner,
    attempts: line.attempts,
    cold: call?.isCold ?? false,
  };
}

/** Each phase goes from the end of the one before it; the one that was under way when the answer began, or the caller left, ends there. */
export function phasesOf(exchange: Exchange, durationMs: number): RequestPhases {
  const { startedAtMs, admittedAtMs, invokedAtMs, headAtMs, call, route } = exchange;
  const endedAtMs = startedAtMs + durationMs;
  const steps: [keyof RequestPhases, number][] = [
    ["access", admittedAtMs],
    ["body", invokedAtMs],
    ["queue", call?.placedAtMs ?? 0],
    ["dispatch", call?.acceptedAtMs ?? 0],
    ["function", headAtMs],
  ];
  const isMock = admittedAtMs > 0 && route?.backend.kind === "mock";
  const phases: Partial<Record<keyof RequestPhases, number>> = {};
  let beganAtMs = startedAtMs;
  for (const [name, atMs] of isMock ? steps.slice(0, 1) : steps) {
    if (name === "dispatch" && call?.invocation.safe) continue;
    const untilMs = Math.max(beganAtMs, atMs || headAtMs || endedAtMs);
    phases[name] = untilMs - beganAtMs;
    beganAtMs = untilMs;
    if (atMs === 0) break;
  }
  if (headAtMs > 0) phases.answer = Math.max(0, endedAtMs - beganAtMs);
  return phases as RequestPhases;
}

function contentTypeIn(headers: readonly string[]): string {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === "content-type") return headers[at + 1]!;
  }
  return "";
}

function textOf(value: string | readonly string[] | undefined): string {
  return value === undefined ? "" : String(value);
}

function cut(text: string): string {
  return text.slice(0, EVENT_LIMITS.fieldCharsMax);
}

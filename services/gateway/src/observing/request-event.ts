import { RequestEvent, type RequestPhases } from "@millrace/proto/invocation/v1/invocation";
import type { Refusal } from "../answering/reasons.ts";
import { REASONS } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import { EVENT_LIMITS } from "../limits.ts";
import type { AccessLogLine } from "./access-log.ts";

/** The wide event of a request that has ended; `line` is what the access log says of it. */
export function requestEventOf(exchange: Exchange, line: AccessLogLine, durationMs: number): RequestEvent {
  const [, project = "", , group = "", , environment = ""] = line.deployment.split("/");
  const { version, call, request } = exchange;
  return {
    time: new Date(Date.now() - durationMs),
    requestId: line.requestId,
    traceId: line.traceId,
    traceExported: line.traceExported,
    project,
    group,
    environment,
    release: line.release,
    revision: line.revision,
    api: line.api,
    method: line.method,
    scheme: exchange.scheme,
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
    queryNames: queryNamesIn(exchange.head?.query ?? ""),
    ...backendOf(exchange, durationMs),
  };
}

/** The event of what came and was no request; nobody but an operator sees it. */
export function unparsedEventOf({ reason }: Refusal, requestId: string, sourceIp: string): RequestEvent {
  const { status, component } = REASONS[reason];
  return RequestEvent.fromPartial({ time: new Date(), requestId, sourceIp, status, reason, component });
}

/** A request that was refused on the way has no backend, although its route has one. */
function backendOf(exchange: Exchange, durationMs: number) {
  const { route, version, call, backend: http, invokedAtMs, headAtMs, startedAtMs, admittedAtMs, reason } = exchange;
  const kind = admittedAtMs > 0 && route ? route.backend.kind : "";
  const sentAtMs = http ? invokedAtMs : (call?.placedAtMs ?? 0);
  const answered = headAtMs > 0 && (reason === null || http !== null);
  const functionStatus = version && answered ? exchange.response.statusCode : 0;
  return {
    backend: kind,
    backendHost: cut(http?.host ?? ""),
    backendStatus: http?.status ?? functionStatus,
    backendMs: sentAtMs === 0 ? 0 : Math.max(0, (headAtMs || startedAtMs + durationMs) - sentAtMs),
  };
}

/** Their values may be secrets, and so may be what does not look like a name. */
function queryNamesIn(query: string): string {
  if (query.length < 2) return "";
  const names = new Set<string>();
  for (const pair of query.slice(1, EVENT_LIMITS.pathCharsMax).split("&")) {
    const end = pair.indexOf("=");
    const name = end === -1 ? "" : pair.slice(0, end);
    names.add(QUERY_NAME.test(name) && name.length <= EVENT_LIMITS.queryNameCharsMax ? name : "*");
    if (names.size === EVENT_LIMITS.queryNamesMax) break;
  }
  return cut([...names].join(","));
}

const QUERY_NAME = /^[A-Za-z_][\w.[\]-]*$/;

/** Each phase goes from the end of the one before it; the one that was under way when the answer began, or the caller left, ends there. */
export function phasesOf(exchange: Exchange, durationMs: number): RequestPhases {
  const { startedAtMs, admittedAtMs, invokedAtMs, headAtMs, call, route } = exchange;
  const endedAtMs = startedAtMs + durationMs;
  const before: [keyof RequestPhases, number][] = [
    ["access", admittedAtMs],
    ["body", invokedAtMs],
  ];
  const steps: [keyof RequestPhases, number][] = exchange.backend
    ? [...before, ["backend", headAtMs]]
    : [...before, ["queue", call?.placedAtMs ?? 0], ["dispatch", call?.acceptedAtMs ?? 0], ["function", headAtMs]];
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

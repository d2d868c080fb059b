import { REASONS } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import type { AccessLog, AccessLogLine } from "./access-log.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import { requestEventOf } from "./request-event.ts";
import type { RequestEvents } from "./request-events.ts";
import type { Traces } from "./traces.ts";
import type { Usage } from "./usage.ts";

export interface Observers {
  log: AccessLog;
  events: RequestEvents;
  metrics: GatewayMetrics;
  usage: Usage;
  traces: Traces;
}

/** Writes down how an exchange ended: one log line, one event, one count, its spans. */
export function observeExchange(exchange: Exchange, { log, events, metrics, usage, traces }: Observers): void {
  const durationMs = performance.now() - exchange.startedAtMs;
  const line = lineOf(exchange, durationMs);
  line.traceExported = traces.end(exchange, line, durationMs);
  log.write(line);
  const { deployment } = exchange;
  const outcome = line.reason === "" ? "served" : "failed";
  events.add(deployment ? outcome : "unrouted", deployment?.project ?? "", () =>
    requestEventOf(exchange, line, durationMs),
  );
  metrics.countRequest(line.status, line.reason, durationMs);
  if (deployment) usage.count(deployment, exchange.route, line, durationMs);
}

function lineOf(exchange: Exchange, durationMs: number): AccessLogLine {
  const { request, response, deployment, route, identity, call } = exchange;
  const gone = !response.writableFinished && exchange.reason === null;
  return {
    requestId: exchange.requestId,
    traceId: exchange.span?.traceId ?? "",
    traceExported: false,
    sourceIp: exchange.sourceIp,
    method: request.method ?? "",
    host: exchange.head?.host ?? "",
    path: exchange.head?.path ?? "",
    protocol: `HTTP/${request.httpVersion}`,
    status: exchange.answered ? response.statusCode : 0,
    reason: gone ? "caller_gone" : (exchange.reason ?? ""),
    component: componentOf(exchange),
    deployment: deployment?.name ?? "",
    environment: deployment?.environment ?? "",
    release: deployment?.release ?? 0,
    revision: deployment?.plan?.revision ?? "",
    api: route?.apiName ?? "",
    function: exchange.version?.key ?? "",
    runner: call?.runner?.id ?? "",
    attempts: call?.attempts ?? 0,
    keyId: identity.keyId,
    project: identity.accountId,
    authType: identity.authType,
    userAgent: request.headers["user-agent"]?.slice(0, USER_AGENT_LENGTH_MAX) ?? "",
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    durationMs: Math.round(durationMs * 100) / 100,
  };
}

const USER_AGENT_LENGTH_MAX = 256;

function componentOf({ reason, version, backend }: Exchange): string {
  if (reason !== null) return REASONS[reason].component;
  if (backend !== null) return "backend";
  return version === null ? "gateway" : "function";
}

import { REASONS } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import type { AccessLog, AccessLogLine } from "./access-log.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";

/** Writes down how an exchange ended: one log line, one count, the end of its span. */
export function observeExchange(exchange: Exchange, log: AccessLog, metrics: GatewayMetrics): void {
  const durationMs = performance.now() - exchange.startedAtMs;
  const line = lineOf(exchange, durationMs);
  log.write(line);
  metrics.countRequest(exchange, durationMs);
  exchange.span?.end({ status: line.status, route: exchange.route?.resource ?? "", reason: line.reason });
}

function lineOf(exchange: Exchange, durationMs: number): AccessLogLine {
  const { request, response, deployment, route, identity } = exchange;
  const gone = !response.writableFinished && exchange.reason === null;
  return {
    requestId: exchange.requestId,
    traceId: exchange.span?.traceId ?? "",
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
    function: exchange.functionKey,
    runner: exchange.runner,
    attempts: exchange.attempts,
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

function componentOf({ reason, functionKey }: Exchange): string {
  if (reason !== null) return REASONS[reason].component;
  return functionKey === "" ? "gateway" : "function";
}

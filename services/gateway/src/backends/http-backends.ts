import { writeTraceparent } from "@millrace/telemetry/tracing";
import { isRefusal, type Refusal, refuse } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import { identityHeaders, withoutCredentials } from "../edge/forwarding.ts";
import { feedBody } from "../edge/request-body.ts";
import type { RequestHead } from "../edge/request-head.ts";
import { BACKEND_LIMITS, DISPATCH_LIMITS } from "../limits.ts";
import { callOf } from "../observing/traces.ts";
import type { HttpBackend } from "../releases/deployment-plan.ts";
import type { CanonicalPath } from "../routing/canonical-path.ts";
import { HttpAnswer } from "./http-answer.ts";
import { HttpCall, type HttpRequest } from "./http-call.ts";
import { type Connect, type Origin, Origins } from "./origins.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export interface HttpCallPlan {
  path: CanonicalPath;
  backend: HttpBackend;
  /** Flat: name, value. */
  pathParameters: readonly string[];
  /** The body when it is here already. */
  whole: Buffer | null;
}

/** Sends requests to http backends. */
export class HttpBackends {
  readonly origins: Origins;
  readonly #nowMs: () => number;

  constructor(connect: Connect, nowMs: () => number) {
    this.origins = new Origins(connect, nowMs);
    this.#nowMs = nowMs;
  }

  /** Answers a refusal, or null when the answer is under way. */
  serve(exchange: Exchange, head: RequestHead, { path, backend, pathParameters, whole }: HttpCallPlan): Refusal | null {
    if (head.depth >= DISPATCH_LIMITS.depthMax) {
      return refuse(
        "overloaded",
        `Backends call each other through gateways more than ${DISPATCH_LIMITS.depthMax} deep.`,
      );
    }
    const asked = {
      method: head.method,
      path: path.path.slice(backend.prefixLength),
      query: head.query,
      headers: exchange.deployment!.authorized ? withoutCredentials(head.headers) : head.headers,
    };
    const parts = backend.mapping === null ? asked : backend.mapping.apply(asked, pathParameters);
    if (isRefusal(parts)) return parts;
    const nowMs = this.#nowMs();
    const origin = this.#admit(exchange.deployment!.project, backend, nowMs);
    if (isRefusal(origin)) return origin;

    exchange.backend = { host: backend.host, status: 0 };
    exchange.invokedAtMs = performance.now();
    const answer = new HttpAnswer(exchange);
    const streams = whole === null && head.contentLength !== 0;
    const headers = headersFor(exchange, head, backend, parts.headers);
    if (streams && head.contentLength !== null) headers.push("content-length", String(head.contentLength));
    const request: HttpRequest = {
      method: parts.method,
      path: (backend.basePath + parts.path || "/") + parts.query,
      headers,
      body: streams
        ? feedBody(exchange, Number.POSITIVE_INFINITY, (refusal) => answer.failed(refusal))
        : nonEmpty(whole),
      servername: backend.servername,
    };
    const terms = {
      timeoutMs: backend.timeoutMs,
      retries: backend.retries,
      safe: SAFE_METHODS.has(head.method) && SAFE_METHODS.has(parts.method),
      deadlineAtMs: nowMs + DISPATCH_LIMITS.deadlineMsMax,
      nowMs: this.#nowMs,
    };
    const call = new HttpCall(origin, request, terms, answer);
    answer.follow(call);
    call.start();
    return null;
  }

  #admit(project: string, { origin: url }: HttpBackend, nowMs: number): Origin | Refusal {
    const origin = this.origins.of(project, url);
    if (origin === null || origin.calls >= BACKEND_LIMITS.callsPerOriginMax)
      return refuse("backend_unavailable", "Too many requests wait for backends of this project.");
    if (origin.circuit.admit(nowMs)) return origin;
    return refuse("backend_unavailable", "The backend failed too often, and is left alone for a moment.");
  }

  close(): void {
    this.origins.close();
  }
}

function nonEmpty(body: Buffer | null): Buffer | null {
  return body?.length ? body : null;
}

/** The caller's headers as they go on, and what only the gateway may say. The body's length is said by who sends it. */
function headersFor(exchange: Exchange, head: RequestHead, backend: HttpBackend, passed: readonly string[]): string[] {
  const { sourceIp, requestId, scheme, span, identity } = exchange;
  const headers = ["host", backend.forwardHost && head.host !== "" ? head.host : backend.host];
  for (let at = 0; at < passed.length; at += 2) {
    const name = passed[at]!;
    if (name !== "host" && name !== "content-length") headers.push(name, passed[at + 1]!);
  }
  headers.push("traceparent", writeTraceparent(callOf(span!)));
  if (head.tracestate !== "" && span!.parentSpanId !== "") headers.push("tracestate", head.tracestate);
  const node = sourceIp.includes(":") ? `"[${sourceIp}]"` : sourceIp;
  headers.push("forwarded", `for=${node};host="${head.host}";proto=${scheme}`);
  headers.push("x-forwarded-for", sourceIp, "x-forwarded-host", head.host, "x-forwarded-proto", scheme);
  headers.push("x-millrace-request-id", requestId, "x-millrace-depth", String(head.depth + 1));
  headers.push(...identityHeaders(identity));
  return headers;
}

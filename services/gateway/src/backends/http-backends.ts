import { writeTraceparent } from "@millrace/telemetry/tracing";
import { type Refusal, refuse } from "../answering/reasons.ts";
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
import { type Connect, Origins } from "./origins.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Sends requests to http backends. */
export class HttpBackends {
  readonly origins: Origins;
  readonly #nowMs: () => number;

  constructor(connect: Connect, nowMs: () => number) {
    this.origins = new Origins(connect, nowMs);
    this.#nowMs = nowMs;
  }

  /** Answers a refusal, or null when the answer is under way. `whole` is the body when it is here already. */
  serve(
    exchange: Exchange,
    head: RequestHead,
    path: CanonicalPath,
    backend: HttpBackend,
    whole: Buffer | null,
  ): Refusal | null {
    if (head.depth >= DISPATCH_LIMITS.depthMax) {
      return refuse(
        "overloaded",
        `Backends call each other through gateways more than ${DISPATCH_LIMITS.depthMax} deep.`,
      );
    }
    const origin = this.origins.of(exchange.deployment!.project, backend.origin);
    if (origin === null || origin.calls >= BACKEND_LIMITS.callsPerOriginMax)
      return refuse("backend_unavailable", "Too many requests wait for backends of this project.");
    const nowMs = this.#nowMs();
    if (!origin.circuit.admit(nowMs))
      return refuse("backend_unavailable", "The backend failed too often, and is left alone for a moment.");

    exchange.backend = { host: backend.host, status: 0 };
    exchange.invokedAtMs = performance.now();
    const answer = new HttpAnswer(exchange);
    const streams = whole === null && head.contentLength !== 0;
    const body = streams
      ? feedBody(exchange, Number.POSITIVE_INFINITY, (refusal) => answer.failed(refusal))
      : whole?.length
        ? whole
        : null;
    const request: HttpRequest = {
      method: head.method,
      path: (backend.basePath + path.path.slice(backend.prefixLength) || "/") + head.query,
      headers: headersFor(exchange, head, backend),
      body,
      servername: backend.servername,
    };
    if (streams && head.contentLength !== null) request.headers.push("content-length", String(head.contentLength));
    const terms = {
      timeoutMs: backend.timeoutMs,
      retries: backend.retries,
      safe: SAFE_METHODS.has(head.method),
      deadlineAtMs: nowMs + DISPATCH_LIMITS.deadlineMsMax,
      nowMs: this.#nowMs,
    };
    const call = new HttpCall(origin, request, terms, answer);
    answer.follow(call);
    call.start();
    return null;
  }

  close(): void {
    this.origins.close();
  }
}

/** The caller's headers as they go on, and what only the gateway may say. The body's length is said by who sends it. */
function headersFor(exchange: Exchange, head: RequestHead, backend: HttpBackend): string[] {
  const { deployment, sourceIp, requestId, scheme, span, identity } = exchange;
  const passed = deployment!.authorized ? withoutCredentials(head.headers) : head.headers;
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

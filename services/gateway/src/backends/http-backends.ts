import type { KeyObject } from "node:crypto";
import { writeTraceparent } from "@millrace/telemetry/tracing";
import { isRefusal, type Refusal, refuse } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";
import { identityHeaders, withoutCredentials } from "../edge/forwarding.ts";
import { feedBody } from "../edge/request-body.ts";
import type { RequestHead } from "../edge/request-head.ts";
import { DISPATCH_LIMITS } from "../limits.ts";
import { callOf } from "../observing/traces.ts";
import type { HttpBackend } from "../releases/deployment-plan.ts";
import type { CanonicalPath } from "../routing/canonical-path.ts";
import type { BackendSigner, SigningIdentity } from "./backend-signer.ts";
import type { Ticket } from "./circuit-breaker.ts";
import { HttpAnswer } from "./http-answer.ts";
import { HttpCall, type HttpRequest } from "./http-call.ts";
import { type Connector, type Origin, Origins } from "./origins.ts";
import type { RequestParts } from "./request-mapping.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export interface HttpCallPlan {
  path: CanonicalPath;
  backend: HttpBackend;
  /** Flat: name, value. */
  pathParameters: readonly string[];
  /** The body when it is here already. */
  whole: Buffer | null;
}

interface Admitted {
  origin: Origin;
  ticket: Ticket;
}

interface Signing {
  identity: SigningIdentity;
  key: KeyObject;
  timestamp: string;
}

interface HttpBackendsDeps {
  connector: Connector;
  signer: BackendSigner;
  nowMs: () => number;
  log: { error(fields: object, message: string): void };
}

/** Sends requests to http backends. */
export class HttpBackends {
  readonly origins: Origins;
  readonly #signer: BackendSigner;
  readonly #nowMs: () => number;
  readonly #log: HttpBackendsDeps["log"];

  constructor({ connector, signer, nowMs, log }: HttpBackendsDeps) {
    this.origins = new Origins(connector, nowMs);
    this.#signer = signer;
    this.#nowMs = nowMs;
    this.#log = log;
  }

  /** Answers a refusal, or null when the answer is under way. */
  serve(exchange: Exchange, head: RequestHead, plan: HttpCallPlan): Refusal | null | Promise<Refusal | null> {
    const { path, backend, pathParameters } = plan;
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
    if (backend.signingKey === "") return this.#send(exchange, head, plan, parts, null);
    const { project, hostLabel } = exchange.deployment!;
    const identity = { keyId: backend.signingKey, project, hostLabel };
    const { timestamp } = this.#signer;
    const send = (key: KeyObject | Refusal) =>
      isRefusal(key) ? key : this.#send(exchange, head, plan, parts, { identity, key, timestamp });
    const key = this.#signer.keyFor(identity, timestamp);
    // Who left while auth was asked will not say so again.
    return key instanceof Promise ? key.then((had) => (exchange.response.destroyed ? null : send(had))) : send(key);
  }

  #send(
    exchange: Exchange,
    head: RequestHead,
    { backend, whole }: HttpCallPlan,
    parts: RequestParts,
    signing: Signing | null,
  ): Refusal | null {
    const nowMs = this.#nowMs();
    const admitted = this.#admit(exchange.deployment!.project, backend, nowMs);
    if (isRefusal(admitted)) return admitted;
    exchange.backend = { host: backend.host, status: 0 };
    exchange.invokedAtMs = performance.now();
    const answer = new HttpAnswer(exchange);
    const streams = whole === null && head.contentLength !== 0;
    const { method } = parts;
    const path = (backend.basePath + parts.path || "/") + parts.query;
    const headers = headersFor(exchange, head, backend, parts.headers);
    if (signing !== null) {
      const signed = { method, target: path, headers, body: streams ? undefined : nonEmpty(whole) };
      headers.push(...this.#signer.sign(signing.identity, signing.key, signing.timestamp, signed));
    }
    if (streams && head.contentLength !== null) headers.push("content-length", String(head.contentLength));
    const body = streams
      ? feedBody(exchange, Number.POSITIVE_INFINITY, (refusal) => answer.failed(refusal))
      : nonEmpty(whole);
    const request: HttpRequest = { method, path, headers, body, servername: backend.servername };
    const terms = {
      timeoutMs: backend.timeoutMs,
      retries: backend.retries,
      safe: SAFE_METHODS.has(head.method) && SAFE_METHODS.has(method),
      deadlineAtMs: nowMs + DISPATCH_LIMITS.deadlineMsMax,
      nowMs: this.#nowMs,
      onFault: (err: Error) => this.#log.error({ err, requestId: exchange.requestId }, "a backend could not be asked"),
    };
    const call = new HttpCall(admitted.origin, request, terms, answer);
    answer.follow(call);
    call.start(admitted.ticket);
    return null;
  }

  #admit(project: string, { origin: url }: HttpBackend, nowMs: number): Admitted | Refusal {
    const origin = this.origins.of(project, url);
    if (!origin?.hasRoom) return refuse("backend_unavailable", "Too many requests wait for backends of this project.");
    const ticket = origin.circuit.admit(nowMs);
    if (ticket !== null) return { origin, ticket };
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

import { readTraceparent, writeTraceparent } from "@millrace/telemetry/tracing";
import type { AccessService } from "../access/access-service.ts";
import { isRefusal, type Refusal, refuse } from "../answering/reasons.ts";
import type { HttpBackends } from "../backends/http-backends.ts";
import { BodyFeed } from "../dispatching/body-feed.ts";
import type { InvokeContent } from "../dispatching/call.ts";
import type { Dispatcher } from "../dispatching/dispatcher.ts";
import type { Domains } from "../domains/domains.ts";
import { DISPATCH_LIMITS, EDGE_LIMITS } from "../limits.ts";
import { callOf, type Traces } from "../observing/traces.ts";
import type { DeploymentPlan, FunctionBackend } from "../releases/deployment-plan.ts";
import type { Deployment, Deployments } from "../releases/deployments.ts";
import type { Functions } from "../releases/functions.ts";
import { hostNamed, labelOfHost, type PlatformDomain, readPathForm } from "../routing/address.ts";
import { type CanonicalPath, canonicalPath } from "../routing/canonical-path.ts";
import { routedElsewhere } from "../routing/routing-rules.ts";
import type { Exchange } from "./exchange.ts";
import { identityHeaders, withoutCredentials } from "./forwarding.ts";
import { FunctionAnswer } from "./function-answer.ts";
import { BODY_TOO_LARGE, type BodyBudget, feedBody, readWholeBody } from "./request-body.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";

export interface RequestServiceOptions {
  domain: PlatformDomain;
  deployments: Deployments;
  domains: Domains;
  functions: Functions;
  access: AccessService;
  dispatcher: Dispatcher;
  backends: HttpBackends;
  bodies: BodyBudget;
  traces: Traces;
}

interface Place {
  deployment: Deployment;
  /** As the deployment sees it: without the path form's beginning. */
  path: CanonicalPath;
}

const EMPTY = Buffer.alloc(0);
const MISDIRECTED = refuse("misdirected_request", "The TLS connection was opened for another host.");
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** The life of a request: head → deployment → route → access → body → backend. Each step either goes on or refuses. */
export class RequestService {
  readonly #options: RequestServiceOptions;

  constructor(options: RequestServiceOptions) {
    this.#options = options;
  }

  /** Serves one request. What it throws is a fault of ours. */
  async serve(exchange: Exchange): Promise<void> {
    const refusal = await this.#serve(exchange);
    if (refusal) exchange.refuse(refusal);
  }

  /** Answers a refusal, or null when the answer is under way. */
  async #serve(exchange: Exchange): Promise<Refusal | null> {
    const head = readRequestHead(exchange.request);
    if (isRefusal(head)) return head;
    exchange.head = head;
    exchange.span = this.#options.traces.begin(readTraceparent(head.traceparent));

    const place = this.#locate(head, exchange.serverName);
    if (isRefusal(place)) return place;
    const { deployment, path } = place;
    exchange.deployment = deployment;
    const plan = planOf(deployment);
    if (isRefusal(plan)) return plan;

    const match = plan.routes.find(head.method, path.decoded);
    if (match === null) return noRoute(plan, head.method, path);
    const { rules } = match.route;
    const route = rules === null ? match.route : (routedElsewhere(rules, head) ?? match.route);
    exchange.route = route;

    let whole: Buffer | null = null;
    const readBody = async () => {
      const body = await readWholeBody(exchange, this.#options.bodies);
      if (!isRefusal(body)) whole = body;
      return body;
    };
    if (deployment.authorized) {
      const identity = await this.#checkAccess(exchange, head, deployment, readBody);
      if (isRefusal(identity)) return identity;
      exchange.identity = identity;
    }
    exchange.admittedAtMs = performance.now();

    const { backend } = route;
    if (backend.kind === "mock") {
      exchange.answerMock(backend);
      return null;
    }
    if (whole === null && isSmall(head) && !exchange.expectsContinue) {
      const body = head.contentLength === 0 ? EMPTY : await readBody();
      if (isRefusal(body)) return body;
      whole = body;
    }
    // The caller has left while its access was checked, and nothing will say so again.
    if (exchange.response.destroyed) return null;
    const pathParameters = match.parameters;
    if (backend.kind === "http")
      return this.#options.backends.serve(exchange, head, { path, backend, pathParameters, whole });
    return this.#invoke(exchange, head, path, backend, pathParameters, whole);
  }

  /** `serverName` as the exchange has it. */
  #locate(head: RequestHead, serverName: string | false | undefined): Place | Refusal {
    const path = canonicalPath(head.path);
    if ("fault" in path) return refuse("request_malformed", `The request is refused: ${path.fault}.`);
    const host = hostNamed(head.host);
    const { domain, deployments } = this.#options;
    const ownLabel = labelOfHost(host, domain);
    const custom = ownLabel === null ? this.#options.domains.get(host) : undefined;
    const label = ownLabel ?? custom?.hostLabel ?? "";
    if (serverName !== undefined && !this.#isFor(serverName, host, label)) return MISDIRECTED;
    const named = label === "" ? undefined : deployments.get(label);
    if (named) return { deployment: named, path };
    // Nobody else's pages are served under a custom host.
    const form = custom ? null : readPathForm(path.path);
    const meant = form === null ? undefined : deployments.get(form.hostLabel);
    if (form === null || meant === undefined) {
      return refuse("no_deployment", "Neither the Host nor the path names a deployment.");
    }
    // The beginning that goes is the same in both spellings: it holds no escapes.
    const rest = { path: path.path.slice(form.restAt) || "/", decoded: path.decoded.slice(form.restAt) || "/" };
    return { deployment: meant, path: rest };
  }

  /**
   * Whether a TLS connection may ask for a host, whose deployment's label is `label`: the host that it was opened for, or another of the same
   * deployment; opened for nobody, no custom one.
   */
  #isFor(serverName: string | false, host: string, label: string): boolean {
    const { domain, domains } = this.#options;
    if (serverName === false) return domains.get(host) === undefined;
    const opened = serverName.toLowerCase();
    if (opened === host) return true;
    return label !== "" && label === (labelOfHost(opened, domain) ?? domains.get(opened)?.hostLabel);
  }

  #checkAccess(
    exchange: Exchange,
    head: RequestHead,
    deployment: Deployment,
    readBody: () => Promise<Buffer | Refusal>,
  ) {
    const request = {
      method: head.method,
      target: head.target,
      rawHeaders: exchange.request.rawHeaders,
      subscriptionKey: head.subscriptionKey,
      hostLabel: deployment.hostLabel,
      readBody,
    };
    return this.#options.access.check(request);
  }

  #invoke(
    exchange: Exchange,
    head: RequestHead,
    path: CanonicalPath,
    backend: FunctionBackend,
    pathParameters: readonly string[],
    whole: Buffer | null,
  ): Refusal | null {
    if (head.depth >= DISPATCH_LIMITS.depthMax) {
      return refuse(
        "overloaded",
        `Functions call each other through gateways more than ${DISPATCH_LIMITS.depthMax} deep.`,
      );
    }
    const version = this.#options.functions.resolve(backend);
    if (version === null) return refuse("no_runner", "The function's version has not reached this gateway yet.");
    exchange.version = version;
    const bodyBytesMax = version.streams ? Number.POSITIVE_INFINITY : EDGE_LIMITS.wholeBodyBytesMax;
    if (head.contentLength !== null && head.contentLength > bodyBytesMax) return BODY_TOO_LARGE;
    const { dispatcher } = this.#options;
    const answer = new FunctionAnswer(exchange, (call) => dispatcher.cancel(call));
    const body =
      whole === null ? feedBody(exchange, bodyBytesMax, (refusal) => answer.refuse(refusal)) : BodyFeed.of(whole);
    const content = contentOf(exchange, head, path, backend, pathParameters, version.key);
    exchange.invokedAtMs = performance.now();
    const safe = SAFE_METHODS.has(head.method);
    answer.follow(
      dispatcher.invoke({ content, body, project: version.project, timeoutMs: version.timeoutMs, safe }, answer),
    );
    return null;
  }
}

function planOf({ offline, plan }: Deployment): DeploymentPlan | Refusal {
  if (offline) return refuse("deployment_offline", "The deployment is offline.");
  return plan ?? refuse("overloaded", "The deployment's release has not reached this gateway yet.");
}

function noRoute(plan: DeploymentPlan, method: string, { path, decoded }: CanonicalPath): Refusal {
  const allowed = plan.routes.methodsAt(decoded).join(", ");
  if (allowed === "") return refuse("no_route", `No API of the deployment has the path ${path}.`);
  return { ...refuse("method_not_allowed", `The path takes ${allowed}, not ${method}.`), headers: ["allow", allowed] };
}

function isSmall({ contentLength }: RequestHead): boolean {
  return contentLength !== null && contentLength <= EDGE_LIMITS.smallBodyBytesMax;
}

function contentOf(
  exchange: Exchange,
  head: RequestHead,
  path: CanonicalPath,
  backend: FunctionBackend,
  pathParameters: readonly string[],
  functionKey: string,
): InvokeContent {
  const { identity, sourceIp } = exchange;
  const call = callOf(exchange.span!);
  return {
    depth: head.depth,
    requestId: exchange.requestId,
    traceparent: writeTraceparent(call),
    functionKey,
    route: backend.constants,
    method: head.method,
    target: path.path + head.query,
    pathParameters,
    sourceIp,
    protocol: `HTTP/${exchange.request.httpVersion}`,
    scheme: exchange.scheme,
    identity,
    headers: [
      ...(exchange.deployment!.authorized ? withoutCredentials(head.headers) : head.headers),
      "traceparent",
      writeTraceparent(callOf(call)),
      // What belongs to a context that cannot be gone on with means nothing.
      ...(head.tracestate !== "" && exchange.span!.parentSpanId !== "" ? ["tracestate", head.tracestate] : []),
      "x-forwarded-for",
      sourceIp,
      "x-forwarded-host",
      head.host,
      "x-forwarded-proto",
      exchange.scheme,
      ...identityHeaders(identity),
    ],
  };
}

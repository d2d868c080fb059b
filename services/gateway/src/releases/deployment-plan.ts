import type { RouteConstants } from "@millrace/frames";
import type { DeploymentRecord, DeploymentSnapshot, Route, RoutingRule } from "@millrace/proto/release/v1/release";
import { RequestMapping } from "../backends/request-mapping.ts";
import { forwardedResponseHeaders } from "../edge/forwarding.ts";
import { canonicalPath } from "../routing/canonical-path.ts";
import { RouteTable, type TableRoute } from "../routing/route-table.ts";
import { type CompiledRule, compileRule } from "../routing/routing-rules.ts";
import { keptCopy } from "./kept-copy.ts";

// What a release means to the request path: immutable, compiled once, swapped as a whole.

export interface PlannedRoute extends TableRoute {
  apiUid: string;
  apiName: string;
  /** As the provider wrote it, for logs. */
  resource: string;
  backend: FunctionBackend | MockBackend | HttpBackend;
  /** Requests that go to another backend; null for none. */
  rules: readonly CompiledRule<PlannedRoute>[] | null;
}

export interface FunctionBackend {
  kind: "function";
  functionUid: string;
  target: { version: number } | { alias: string };
  /** RouteConstants as JSON: the same text goes into every invoke frame of the route. */
  constants: string;
}

export interface MockBackend {
  kind: "mock";
  status: number;
  headers: readonly string[];
  body: Buffer;
}

export interface HttpBackend {
  kind: "http";
  /** `http(s)://host[:port]` */
  origin: string;
  /** With the port when it is not the scheme's. */
  host: string;
  servername: string;
  /** Stands before the path of each request; without a slash at its end. */
  basePath: string;
  /** So much of a request's path is the group's prefix, which the backend is not told. */
  prefixLength: number;
  timeoutMs: number;
  retries: number;
  forwardHost: boolean;
  /** Id of the access key that signs what is sent; empty for none. */
  signingKey: string;
  /** Null when the request goes on as it came. */
  mapping: RequestMapping | null;
}

export interface DeploymentPlan {
  digest: string;
  revision: string;
  routes: RouteTable<PlannedRoute>;
  /** Ids of the access keys that sign for its http backends. */
  signingKeys: readonly string[];
}

/** Throws when the snapshot makes no sense as a whole: a plan is all of it or nothing. */
export function compilePlan(record: DeploymentRecord, snapshot: DeploymentSnapshot, region: string): DeploymentPlan {
  const constants = constantsOf(record, snapshot, region);
  const scene = { constants, prefixLength: snapshot.prefix.length, rules: snapshot.routingRules };
  const routes = snapshot.routes.map((route) => compileRoute(route, scene));
  const { revision } = snapshot;
  const signingKeys = signingKeysOf(routes);
  return { digest: record.snapshotDigest, revision, routes: new RouteTable(routes), signingKeys };
}

function signingKeysOf(routes: readonly PlannedRoute[]): string[] {
  const backends = routes.flatMap(({ backend, rules }) => [
    backend,
    ...(rules ?? []).map(({ route }) => route.backend),
  ]);
  return [
    ...new Set(backends.flatMap((each) => (each.kind === "http" && each.signingKey !== "" ? [each.signingKey] : []))),
  ];
}

type DeploymentConstants = Omit<RouteConstants, "apiUid" | "apiName" | "resource" | "eventFormat">;

interface Scene {
  constants: DeploymentConstants;
  prefixLength: number;
  rules: readonly RoutingRule[];
}

function constantsOf(record: DeploymentRecord, snapshot: DeploymentSnapshot, region: string): DeploymentConstants {
  const { groupName, revision, ownerPin } = snapshot;
  return { groupName, revision, ownerPin, environment: record.environment, region, hostLabel: record.hostLabel };
}

function compileRoute(route: Route, scene: Scene): PlannedRoute {
  const { apiUid, apiName, method, path, prefixMatch } = route;
  const planned = {
    apiUid,
    apiName,
    method,
    resource: path,
    path: path.split("/").map(decodeSegment).join("/"),
    prefixMatch,
    backend: compileBackend(route, scene),
    rules: null,
  };
  if (!route.hasRules) return planned;
  const rules = scene.rules.map((rule) => {
    const backend = compileBackend({ ...route, backend: rule.backend }, scene);
    return compileRule(rule, { ...planned, backend });
  });
  return { ...planned, rules };
}

function compileBackend(route: Route, { constants, prefixLength }: Scene): PlannedRoute["backend"] {
  const { apiUid, apiName, path: resource, backend } = route;
  if (backend?.$case === "mock") {
    const { status, headers, body } = backend.value;
    const flat = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
    const forwarded = forwardedResponseHeaders(flat);
    if (forwarded === null) throw new Error(`the mock answer of ${apiName} holds a header that HTTP cannot carry`);
    return { kind: "mock", status: status || 200, headers: forwarded, body: keptCopy(body) };
  }
  if (backend?.$case === "http") {
    const { url, ...terms } = backend.value;
    const { origin, host, hostname, pathname } = new URL(url);
    const basePath = pathname.replace(/\/$/, "");
    const mapping = route.mapping ? new RequestMapping(route.mapping, resource.slice(prefixLength)) : null;
    return { kind: "http", origin, host, servername: hostname, basePath, prefixLength, mapping, ...terms };
  }
  if (backend?.$case !== "function" || backend.value.target === undefined) {
    throw new Error(`${apiName} has no backend that this gateway knows`);
  }
  const { functionUid, target, eventFormat } = backend.value;
  return {
    kind: "function",
    functionUid,
    target: target.$case === "version" ? { version: target.value } : { alias: target.value },
    constants: JSON.stringify({ ...constants, apiUid, apiName, resource, eventFormat } satisfies RouteConstants),
  };
}

const IS_PARAMETER = /^\{[^{}]+\}$/;

/** A literal segment as requests are routed: without escapes. */
function decodeSegment(segment: string): string {
  if (segment === "" || IS_PARAMETER.test(segment)) return segment;
  const written = segment.replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
  const canonical = canonicalPath(`/${written}`);
  if ("fault" in canonical) throw new Error(`a route's segment ${JSON.stringify(segment)}: ${canonical.fault}`);
  return canonical.decoded.slice(1);
}

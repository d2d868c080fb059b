import { digestOf, packRecord } from "@millrace/bus";
import { PlatformError } from "@millrace/errors";
import {
  DeploymentSnapshot,
  type RequestMapping,
  type Route,
  type RoutingRule as RoutingRuleMessage,
} from "@millrace/proto/release/v1/release";
import type { BackendRequest, EventFormat, HttpBackend, MockBackend } from "../apis/api.ts";
import type { RoutedApi } from "../apis/api-store.ts";
import type { Group } from "../groups/group.ts";
import { LIMITS } from "../limits.ts";
import { revisionText } from "../revisions/revision.ts";
import type { ReleasedApi, ReleaseTarget, RoutingRule } from "./release.ts";

/** An API with what its backend was resolved to. */
export interface ResolvedApi {
  api: RoutedApi;
  backend: ResolvedBackend;
  /** The release's routing rules hold for it. */
  hasRules: boolean;
}

export interface ResolvedRule {
  rule: RoutingRule;
  backend: ResolvedBackend;
}

export interface ResolvedRelease {
  apis: readonly ResolvedApi[];
  rules: readonly ResolvedRule[];
}

type ResolvedBackend = MockBackend | HttpBackend | ResolvedFunction;

export interface ResolvedFunction {
  kind: "function";
  id: string;
  uid: string;
  target: { version: number } | { alias: string };
  eventFormat: EventFormat;
}

export interface CompiledSnapshot {
  /** sha-256 (hex) of the bytes before packing. */
  digest: string;
  packed: Buffer;
}

/** What gateways serve of a release. The same APIs and backends always make the same bytes. */
export function compileSnapshot(group: Group, revision: number, { apis, rules }: ResolvedRelease): CompiledSnapshot {
  const prefix = prefixOf(group);
  const bytes = DeploymentSnapshot.encode({
    groupName: group.id,
    revision: revisionText(revision),
    prefix,
    routes: apis.map((resolved) => routeOf(resolved, prefix)),
    routingRules: rules.map(ruleOf),
    ownerPin: Buffer.from(group.project).toString("base64"),
  }).finish();
  if (bytes.length > LIMITS.snapshotBytesMax) throw tooLarge(bytes.length);
  return { digest: digestOf(bytes), packed: packRecord(bytes) };
}

export function releasedApis(group: Group, apis: readonly ResolvedApi[]): ReleasedApi[] {
  const prefix = prefixOf(group);
  return apis.map(({ api, backend }) => ({
    id: api.id,
    method: api.definition.method,
    path: prefix + api.definition.path,
    backend: describeBackend(backend),
  }));
}

function describeBackend(backend: ResolvedBackend): string {
  if (backend.kind === "mock") return "mock";
  return backend.kind === "http" ? backend.url : `${backend.id}@${qualifierOf(backend)}`;
}

export function targetsOf({ apis, rules }: ResolvedRelease): ReleaseTarget[] {
  return [...apis, ...rules].flatMap(({ backend }) =>
    backend.kind === "function" ? [{ functionUid: backend.uid, qualifier: qualifierOf(backend) }] : [],
  );
}

function ruleOf({ rule, backend }: ResolvedRule): RoutingRuleMessage {
  const { name, headers, query } = rule;
  return { name, headers: [...headers], query: [...query], backend: backendOf(backend) };
}

function routeOf({ api, backend, hasRules }: ResolvedApi, prefix: string): Route {
  const { method, path, match } = api.definition;
  return {
    apiUid: api.uid,
    apiName: api.id,
    method,
    // What is below `/prefix/` is below `/prefix`.
    path: match === "prefix" && path === "/" && prefix !== "" ? prefix : prefix + path,
    prefixMatch: match === "prefix",
    backend: backendOf(backend),
    mapping: mappingOf(api.definition.backendRequest),
    hasRules,
  };
}

function backendOf(backend: ResolvedBackend): Route["backend"] {
  if (backend.kind === "mock") return mockOf(backend);
  if (backend.kind === "function") return functionOf(backend);
  const { kind: _, ...value } = backend;
  return { $case: "http", value };
}

function mappingOf(request: BackendRequest | undefined): RequestMapping | undefined {
  return request && { ...request, parameters: [...request.parameters], constants: [...request.constants] };
}

function mockOf({ status, headers, body }: MockBackend): Route["backend"] {
  return { $case: "mock", value: { status, headers: { ...headers }, body: Buffer.from(body) } };
}

function functionOf({ uid, target, eventFormat }: ResolvedFunction): Route["backend"] {
  return {
    $case: "function",
    value: {
      functionUid: uid,
      target:
        "version" in target ? { $case: "version", value: target.version } : { $case: "alias", value: target.alias },
      eventFormat,
    },
  };
}

function qualifierOf({ target }: ResolvedFunction): string {
  return "version" in target ? String(target.version) : target.alias;
}

function prefixOf({ prefix }: Group): string {
  return prefix === "" ? "" : `/${prefix}`;
}

function tooLarge(bytes: number): PlatformError {
  const message = `The release would have ${bytes} bytes; more than ${LIMITS.snapshotBytesMax} are not allowed.`;
  return new PlatformError("failed_precondition", message, { reason: "release_too_large" });
}

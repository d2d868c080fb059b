import { type Api, type ApiDefinition, ApiServiceService, type Backend } from "@millrace/proto/control/v1/apis";
import { DeploymentServiceService, type Release, type RoutingRules } from "@millrace/proto/control/v1/deployments";
import {
  Egress_Mode as EgressMode,
  type FunctionConfig,
  type FunctionMessage,
  FunctionServiceService,
  UploadCodeRequest,
} from "@millrace/proto/control/v1/functions";
import { type AccessMode, type Group, GroupServiceService } from "@millrace/proto/control/v1/groups";
import { type Project, ProjectServiceService } from "@millrace/proto/control/v1/projects";
import type { CallOptions, RpcClient } from "@millrace/rpc";
import { NO_CONFIG } from "../functions/function-config.ts";

// What tests do before what they are about.

export const HANDLER_CODE = "export const handler = 1";

export function createProject(client: RpcClient, projectId: string, options?: CallOptions): Promise<Project> {
  const request = { projectId, displayName: "", requestId: "" };
  return client.call(ProjectServiceService.createProject, request, options);
}

export function createFunction(
  client: RpcClient,
  project: string,
  functionId: string,
  config?: Partial<FunctionConfig>,
): Promise<FunctionMessage> {
  return client.call(FunctionServiceService.createFunction, {
    parent: `projects/${project}`,
    functionId,
    description: "",
    config: config && configWith(config),
    requestId: "",
  });
}

export function configWith(config: Partial<FunctionConfig>): FunctionConfig {
  return { ...NO_CONFIG, egress: { mode: EgressMode.HTTP, hosts: [] }, ...config };
}

export function upload(
  client: RpcClient,
  name: string,
  code: string | Buffer = HANDLER_CODE,
  header: { filename?: string; entry?: string; etag?: string } = {},
  options?: CallOptions,
): Promise<FunctionMessage> {
  const { filename = "index.js" } = header;
  const bytes = Buffer.from(code);
  const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
    UploadCodeRequest.create({ part: { $case: "chunk", value: bytes.subarray(i * 65_536, (i + 1) * 65_536) } }),
  );
  const first = UploadCodeRequest.create({ part: { $case: "header", value: { name, ...header, filename } } });
  return client.callClientStream(FunctionServiceService.uploadCode, [first, ...chunks], options);
}

export function createGroup(
  client: RpcClient,
  project: string,
  groupId: string,
  group: { prefix?: string; access?: AccessMode } = {},
): Promise<Group> {
  const { prefix = "", access = 0 } = group;
  const request = { parent: `projects/${project}`, groupId, description: "", prefix, access, requestId: "" };
  return client.call(GroupServiceService.createGroup, request);
}

export function mock(body = "ok"): Backend {
  return { kind: { $case: "mock", value: { status: 0, headers: {}, body } } };
}

export function http(url: string, signingKey = ""): Backend {
  return { kind: { $case: "http", value: { url, timeoutMs: 0, forwardHost: false, signingKey } } };
}

export function functionBackend(name: string, qualifier = ""): Backend {
  return { kind: { $case: "function", value: { function: name, qualifier, eventFormat: 0 } } };
}

export function definitionWith(definition: Partial<ApiDefinition>): ApiDefinition {
  return {
    method: "GET",
    path: "/",
    match: 0,
    description: "",
    parameters: [],
    requestBody: undefined,
    responseBody: undefined,
    backend: undefined,
    backendRequest: undefined,
    summary: "",
    tags: [],
    deprecated: false,
    responseStatus: "200",
    responseDescription: "",
    otherResponses: [],
    ...definition,
  };
}

const PLAIN = { defaultJson: "", schemaJson: "", deprecated: false, exampleJson: "", arrayFormat: 0 } as const;

export function pathParameter(name: string) {
  return { name, location: 1, type: 1, required: true, description: "", ...PLAIN } as const;
}

export function createApi(
  client: RpcClient,
  parent: string,
  apiId: string,
  definition: Partial<ApiDefinition>,
): Promise<Api> {
  const request = { parent, apiId, definition: definitionWith(definition), requestId: "" };
  return client.call(ApiServiceService.createApi, request);
}

export function release(
  client: RpcClient,
  name: string,
  options: {
    revision?: string;
    environmentBackend?: Backend;
    routingRules?: RoutingRules;
    etag?: string;
    note?: string;
  } = {},
): Promise<Release> {
  const { revision = "0.0.1", environmentBackend, routingRules, etag = "", note = "" } = options;
  const request = { name, revision, environmentBackend, routingRules, note, requestId: "", etag };
  return client.call(DeploymentServiceService.createRelease, request);
}

/** The main job as a fixture: project, functions, group, APIs, releases, and the keys of a caller. */
import { randomUUID } from "node:crypto";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import {
  ApiDefinition,
  ApiServiceService,
  type Backend,
  EventFormat,
  ParameterLocation,
  ParameterType,
} from "@millrace/proto/control/v1/apis";
import { type Deployment, DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import {
  FunctionConfig,
  type FunctionMessage,
  FunctionServiceService,
  type UploadCodeRequest,
} from "@millrace/proto/control/v1/functions";
import { type AccessMode, AccessMode as AccessModes, GroupServiceService } from "@millrace/proto/control/v1/groups";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import type { PlatformRpc } from "./platform-rpc.ts";

export type Environment = "test" | "preview" | "online";

export type FunctionPlan = {
  /** One file's text, or an archive. */
  readonly code: string | Uint8Array;
  readonly filename?: string;
  readonly entry?: string;
  readonly config?: Parameters<typeof FunctionConfig.fromPartial>[0];
};

export type ApiPlan = Omit<Parameters<typeof ApiDefinition.fromPartial>[0], "backend"> & {
  /** Id of a function of the plan; or a backend. */
  readonly backend?: string | Backend;
  readonly eventFormat?: EventFormatName;
};

/** A path's parameters must be declared. */
const pathParameters = (path: string) =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    location: ParameterLocation.PATH,
    type: ParameterType.STRING,
    required: true,
  }));

export type EventFormatName = "jd" | "aws-1" | "aws-2";

export type Plan = {
  readonly access?: AccessMode;
  readonly prefix?: string;
  readonly functions?: Readonly<Record<string, FunctionPlan>>;
  readonly apis: Readonly<Record<string, ApiPlan>>;
  readonly environments?: readonly Environment[];
};

export type Provisioned = {
  /** `projects/{project}` */
  readonly project: string;
  /** `projects/{project}/groups/{group}` */
  readonly group: string;
  readonly label: string;
  deployment(environment?: Environment): Deployment;
};

const EVENT_FORMATS = { jd: EventFormat.JD, "aws-1": EventFormat.AWS_1, "aws-2": EventFormat.AWS_2 } as const;
const UPLOAD_TIMEOUT_MS = 60_000;
const CHUNK_BYTES = 64 * 1024;

/** A name that no other test uses. */
export const freshId = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`;

export async function provision(rpc: PlatformRpc, plan: Plan): Promise<Provisioned> {
  const projectId = freshId("p");
  const project = await rpc.call(ProjectServiceService.createProject, { projectId, displayName: projectId });
  for (const [id, given] of Object.entries(plan.functions ?? {})) await provisionFunction(rpc, project.name, id, given);
  const group = await rpc.call(GroupServiceService.createGroup, {
    parent: project.name,
    groupId: "shop",
    prefix: plan.prefix ?? "",
    access: plan.access ?? AccessModes.NONE,
  });
  const revision = `${group.name}/revisions/0.0.1`;
  for (const [apiId, api] of Object.entries(plan.apis)) await createApi(rpc, revision, apiId, api);
  const deployments = new Map<Environment, Deployment>();
  for (const environment of plan.environments ?? ["online"]) {
    await release(rpc, `${group.name}/deployments/${environment}`, "0.0.1");
    const name = `${group.name}/deployments/${environment}`;
    deployments.set(environment, await rpc.call(DeploymentServiceService.getDeployment, { name }));
  }
  return {
    project: project.name,
    group: group.name,
    label: group.label,
    deployment: (environment = "online") => {
      const found = deployments.get(environment);
      if (found === undefined) throw new Error(`the plan released nothing to ${environment}`);
      return found;
    },
  };
}

export async function provisionFunction(
  rpc: PlatformRpc,
  parent: string,
  functionId: string,
  given: FunctionPlan,
): Promise<FunctionMessage> {
  const config = FunctionConfig.fromPartial(given.config ?? {});
  const made = await rpc.call(FunctionServiceService.createFunction, { parent, functionId, config });
  return uploadCode(rpc, made.name, given);
}

export function uploadCode(rpc: PlatformRpc, name: string, given: FunctionPlan): Promise<FunctionMessage> {
  const { code, filename = typeof code === "string" ? "index.mjs" : "code.zip", entry = "" } = given;
  const parts = uploadParts({ name, filename, entry, etag: "" }, code);
  return rpc.stream(FunctionServiceService.uploadCode, parts, { timeoutMs: UPLOAD_TIMEOUT_MS });
}

type Header = { name: string; filename: string; entry: string; etag: string };

export function* uploadParts(header: Header, code: string | Uint8Array): Generator<UploadCodeRequest> {
  yield { part: { $case: "header", value: header } };
  const bytes = Buffer.from(code as string);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    yield { part: { $case: "chunk", value: bytes.subarray(at, at + CHUNK_BYTES) } };
  }
}

export function createApi(rpc: PlatformRpc, parent: string, apiId: string, plan: ApiPlan) {
  const { backend, eventFormat, ...rest } = plan;
  const project = parent.split("/").slice(0, 2).join("/");
  const definition = ApiDefinition.fromPartial({ parameters: pathParameters(plan.path ?? ""), ...rest });
  if (backend !== undefined) {
    definition.backend =
      typeof backend === "string"
        ? functionBackend(`${project}/functions/${backend}`, { ...(eventFormat && { eventFormat }) })
        : backend;
  }
  return rpc.call(ApiServiceService.createApi, { parent, apiId, definition });
}

export function functionBackend(
  name: string,
  { qualifier = "", eventFormat = "jd" }: { qualifier?: string; eventFormat?: EventFormatName } = {},
): Backend {
  const value = { function: name, qualifier, eventFormat: EVENT_FORMATS[eventFormat] };
  return { kind: { $case: "function", value } };
}

export const mockBackend = (body: string, status = 200): Backend => ({
  kind: { $case: "mock", value: { status, headers: { "content-type": "text/plain" }, body } },
});

export const release = (rpc: PlatformRpc, name: string, revision: string) =>
  rpc.call(DeploymentServiceService.createRelease, { name, revision }, { timeoutMs: UPLOAD_TIMEOUT_MS });

export type AccessKeyPair = { readonly name: string; readonly keyId: string; readonly secret: string };
export type BearerKey = { readonly name: string; readonly keyId: string; readonly value: string };

export async function createAccessKey(rpc: PlatformRpc, parent: string): Promise<AccessKeyPair> {
  const made = await rpc.call(AccessKeyServiceService.createAccessKey, { parent, displayName: freshId("key") });
  return { name: made.accessKey!.name, keyId: made.accessKey!.keyId, secret: made.secret };
}

export async function createSubscriptionKey(rpc: PlatformRpc, parent: string): Promise<BearerKey> {
  const displayName = freshId("key");
  const made = await rpc.call(SubscriptionKeyServiceService.createSubscriptionKey, { parent, displayName });
  return { name: made.subscriptionKey!.name, keyId: made.subscriptionKey!.keyId, value: made.value };
}

export const authorizeKey = (rpc: PlatformRpc, deployment: string, keyId: string) =>
  rpc.call(AuthorizationServiceService.createAuthorization, { parent: deployment, keyId });

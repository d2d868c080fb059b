/** Steps 1 to 4 of the main job, as each of the platform's three doors offers them. */
import { AccessMode } from "@millrace/proto/control/v1/groups";
import type { Bridge } from "./bridge.ts";
import type { PlatformRpc } from "./platform-rpc.ts";
import {
  type AccessKeyPair,
  authorizeKey,
  createAccessKey,
  createSubscriptionKey,
  freshId,
  provision,
} from "./provision.ts";

export type Published = {
  /** `projects/{project}/groups/{group}/deployments/online` */
  readonly deployment: string;
  readonly host: string;
  readonly pathUrl: string;
};

export type SubscriptionKeyValue = { readonly keyId: string; readonly value: string };

export interface MainJob {
  /** Makes a project with the function, a group with the API `GET /pets/{petId}`, and releases it to online. */
  publish(access: "none" | "authorized"): Promise<Published>;
  /** Makes a caller's project with both kinds of keys. */
  createKeys(): Promise<{ accessKey: Pick<AccessKeyPair, "keyId" | "secret">; subscriptionKey: SubscriptionKeyValue }>;
  authorize(deployment: string, keyId: string): Promise<void>;
}

/** Says where it ran, so that a test knows that it was a worker thread. */
export const PET_FUNCTION = `
import { isMainThread } from "node:worker_threads";
export async function handler(event, context) {
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      petId: event.detail.pathParameters.petId,
      stage: event.detail.requestContext.stage,
      inWorker: !isMainThread,
      requestId: context.requestId,
    }),
  };
}
`;

export function overGrpc(rpc: PlatformRpc): MainJob {
  return {
    async publish(access) {
      const made = await provision(rpc, {
        access: access === "none" ? AccessMode.NONE : AccessMode.AUTHORIZED,
        functions: { pets: { code: PET_FUNCTION } },
        apis: { getPet: { method: "GET", path: "/pets/{petId}", backend: "pets" } },
      });
      const { name, host, pathUrl } = made.deployment();
      return { deployment: name, host, pathUrl };
    },
    async createKeys() {
      const { project } = await provision(rpc, { apis: {}, environments: [] });
      return {
        accessKey: await createAccessKey(rpc, project),
        subscriptionKey: await createSubscriptionKey(rpc, project),
      };
    },
    authorize: async (deployment, keyId) => void (await authorizeKey(rpc, deployment, keyId)),
  };
}

const CONTROL = "millrace.control.v1";
const AUTH = "millrace.auth.v1";

type DeploymentJson = { name: string; host: string; pathUrl: string };

export function overBridge(call: Bridge): MainJob {
  async function ask<T>(service: string, method: string, request: object): Promise<T> {
    const { status, text, body } = await call(service, method, request);
    if (status !== 200) throw new Error(`${service}/${method} answered ${status}: ${text}`);
    return body as T;
  }
  async function createProject(): Promise<string> {
    const project = { projectId: freshId("p"), displayName: "Over the bridge" };
    return (await ask<{ name: string }>(`${CONTROL}.ProjectService`, "CreateProject", project)).name;
  }
  return {
    async publish(access) {
      const project = await createProject();
      const pets = { parent: project, functionId: "pets", config: { timeoutMs: 5000 } };
      const { name } = await ask<{ name: string }>(`${CONTROL}.FunctionService`, "CreateFunction", pets);
      // A client stream crosses the bridge as an array of its messages.
      const chunk = Buffer.from(PET_FUNCTION).toString("base64");
      const upload = [{ header: { name, filename: "index.mjs" } }, { chunk }];
      await ask(`${CONTROL}.FunctionService`, "UploadCode", upload);
      const group = await ask<{ name: string }>(`${CONTROL}.GroupService`, "CreateGroup", {
        parent: project,
        groupId: "shop",
        access: access === "none" ? "ACCESS_MODE_NONE" : "ACCESS_MODE_AUTHORIZED",
      });
      const petId = {
        name: "petId",
        location: "PARAMETER_LOCATION_PATH",
        type: "PARAMETER_TYPE_INTEGER",
        required: true,
      };
      await ask(`${CONTROL}.ApiService`, "CreateApi", {
        parent: `${group.name}/revisions/0.0.1`,
        apiId: "getPet",
        definition: { method: "GET", path: "/pets/{petId}", parameters: [petId] },
      });
      // The API has no backend of its own: the environment's is chosen at release.
      const deployment = `${group.name}/deployments/online`;
      await ask(`${CONTROL}.DeploymentService`, "CreateRelease", {
        name: deployment,
        revision: "0.0.1",
        environmentBackend: { function: { function: name } },
      });
      const found = await ask<DeploymentJson>(`${CONTROL}.DeploymentService`, "GetDeployment", { name: deployment });
      return { deployment, host: found.host, pathUrl: found.pathUrl };
    },
    async createKeys() {
      const parent = await createProject();
      type Made = { accessKey: { keyId: string }; secret: string };
      const access = await ask<Made>(`${AUTH}.AccessKeyService`, "CreateAccessKey", { parent, displayName: "caller" });
      const bearer = await ask<{ subscriptionKey: { keyId: string }; value: string }>(
        `${AUTH}.SubscriptionKeyService`,
        "CreateSubscriptionKey",
        { parent, displayName: "caller" },
      );
      return {
        accessKey: { keyId: access.accessKey.keyId, secret: access.secret },
        subscriptionKey: { keyId: bearer.subscriptionKey.keyId, value: bearer.value },
      };
    },
    authorize: (parent, keyId) =>
      ask(`${AUTH}.AuthorizationService`, "CreateAuthorization", { parent, keyId }).then(() => undefined),
  };
}

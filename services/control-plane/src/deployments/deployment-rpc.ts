import { formatName, parseName } from "@millrace/names";
import {
  type Deployment as DeploymentMessage,
  type DeploymentServiceService,
  DeploymentState as DeploymentStateMessage,
} from "@millrace/proto/control/v1/deployments";
import { etagOf, type HandlersOf } from "@millrace/rpc";
import { authorOf } from "../requests/author.ts";
import { revisionText } from "../revisions/revision.ts";
import { type Addresses, type Deployment, type DeploymentState, hostOf, urlsOf } from "./deployment.ts";
import type { DeploymentService } from "./deployment-service.ts";

type Handlers = HandlersOf<typeof DeploymentServiceService>;

export function deploymentHandlers(
  deployments: DeploymentService,
  addresses: Addresses,
): Pick<Handlers, "getDeployment" | "listDeployments" | "takeOffline" | "bringOnline"> {
  const toMessage = (ids: { project: string; group: string }, deployment: Deployment) =>
    toDeploymentMessage(ids, deployment, addresses);
  return {
    async getDeployment({ name }) {
      const ids = parseName("deployment", name);
      return toMessage(ids, await deployments.get(ids));
    },
    async listDeployments({ parent }) {
      const ids = parseName("group", parent, "parent");
      const all = await deployments.list(ids.project, ids.group);
      return { deployments: all.map((deployment) => toMessage(ids, deployment)) };
    },
    async takeOffline({ name, etag }, context) {
      const ids = parseName("deployment", name);
      return toMessage(ids, await deployments.takeOffline(ids, { etag, author: authorOf(context) }));
    },
    async bringOnline({ name, etag }, context) {
      const ids = parseName("deployment", name);
      return toMessage(ids, await deployments.bringOnline(ids, { etag, author: authorOf(context) }));
    },
  };
}

function toDeploymentMessage(
  { project, group }: { project: string; group: string },
  deployment: Deployment,
  addresses: Addresses,
): DeploymentMessage {
  const { environment, state, revision, release } = deployment;
  return {
    name: formatName("deployment", { project, group, environment }),
    state: STATES[state],
    revision: revision === undefined ? "" : revisionText(revision),
    release: release ?? 0,
    host: hostOf(deployment, addresses),
    ...urlsOf(deployment, addresses),
    updatedAt: deployment.updatedAt,
    etag: etagOf(deployment.version),
  };
}

const STATES: Readonly<Record<DeploymentState, DeploymentStateMessage>> = {
  unreleased: DeploymentStateMessage.UNRELEASED,
  serving: DeploymentStateMessage.SERVING,
  offline: DeploymentStateMessage.OFFLINE,
};

import { formatName, parseName } from "@millrace/names";
import {
  type Deployment as DeploymentMessage,
  type DeploymentServiceService,
  DeploymentState as DeploymentStateMessage,
  type HistoryEntry as HistoryMessage,
  HistoryEntry_Kind as Kind,
} from "@millrace/proto/control/v1/deployments";
import { etagOf, type HandlersOf, pageOf, pageSizeOf } from "@millrace/rpc";
import { LIMITS } from "../limits.ts";
import { authorOf } from "../requests/author.ts";
import { BIGINT_MAX, numbersAfter } from "../requests/paging.ts";
import { Violations } from "../requests/violations.ts";
import { revisionText } from "../revisions/revision.ts";
import { type Addresses, type Deployment, type DeploymentState, hostOf, urlsOf } from "./deployment.ts";
import type { DeploymentService } from "./deployment-service.ts";
import type { HistoryEntry, HistoryPlace } from "./history-store.ts";

type Handlers = HandlersOf<typeof DeploymentServiceService>;

export function deploymentHandlers(
  deployments: DeploymentService,
  addresses: Addresses,
): Pick<
  Handlers,
  "getDeployment" | "listDeployments" | "takeOffline" | "bringOnline" | "batchTakeOffline" | "listDeploymentHistory"
> {
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
    async batchTakeOffline({ parent, names }, context) {
      const { project } = parseName("project", parent, "parent");
      const many = names.map((name, i) => parseName("deployment", name, `names[${i}]`));
      const violations = new Violations();
      const { batchMax } = LIMITS;
      violations.unless(many.length >= 1 && many.length <= batchMax, "names", `must be 1 to ${batchMax}`);
      many.forEach((ids, i) => {
        violations.unless(ids.project === project, `names[${i}]`, `must be a deployment of project ${project}`);
      });
      violations.throwIfAny();
      const refusals = await deployments.takeManyOffline(many, authorOf(context));
      const outcomes = names.map((name, i) => {
        const { reason = "", message = "" } = refusals[i] ?? {};
        return { name, reason, message };
      });
      return { outcomes };
    },
    async listDeploymentHistory({ parent, pageSize, pageToken }) {
      const ids = parseName("deployment", parent, "parent");
      const scope = `history ${parent}`;
      const size = pageSizeOf(pageSize);
      const after = numbersAfter(scope, pageToken, [BIGINT_MAX, 1, BIGINT_MAX]);
      const before = after ? { atMicros: after[0]!, table: after[1]!, number: after[2]! } : NEWEST;
      const rows = await deployments.history(ids, before, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ place }) => [
        String(place.atMicros),
        String(place.table),
        String(place.number),
      ]);
      return { entries: page.map(toHistoryMessage), nextPageToken };
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
    customHosts: deployment.customHosts,
  };
}

/** Above every entry: the year 2200. */
const NEWEST: HistoryPlace = { atMicros: 7_258_118_400_000_000, table: 1, number: BIGINT_MAX };

function toHistoryMessage({ at, kind, author, release, revision, rollbackOf, detail }: HistoryEntry): HistoryMessage {
  const text = release === 0 ? "" : revisionText(revision);
  return { time: at, kind: KINDS[kind], author, release, revision: text, rollbackOf, detail };
}

const KINDS: Readonly<Record<HistoryEntry["kind"], Kind>> = {
  released: Kind.RELEASED,
  rolled_back: Kind.ROLLED_BACK,
  offline: Kind.TAKEN_OFFLINE,
  online: Kind.BROUGHT_ONLINE,
  alias_moved: Kind.ALIAS_MOVED,
};

const STATES: Readonly<Record<DeploymentState, DeploymentStateMessage>> = {
  unreleased: DeploymentStateMessage.UNRELEASED,
  serving: DeploymentStateMessage.SERVING,
  offline: DeploymentStateMessage.OFFLINE,
};

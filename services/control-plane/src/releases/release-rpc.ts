import { checkId, formatName, parseName } from "@millrace/names";
import {
  CreateReleaseRequest,
  type DeploymentServiceService,
  type Release as ReleaseMessage,
  RollbackRequest,
} from "@millrace/proto/control/v1/deployments";
import { type HandlersOf, onceOf, pageOf, pageSizeOf, principalName } from "@millrace/rpc";
import { toBackendDraft, toBackendMessage } from "../apis/backend-message.ts";
import { toDifferenceMessage } from "../apis/difference-message.ts";
import type { DeploymentIds } from "../deployments/deployment-service.ts";
import { LIMITS } from "../limits.ts";
import { authorOf } from "../requests/author.ts";
import { INTEGER_MAX, numbersAfter } from "../requests/paging.ts";
import { revisionText } from "../revisions/revision.ts";
import type { PropagationService } from "./propagation-service.ts";
import type { Release } from "./release.ts";
import type { ReleaseService } from "./release-service.ts";
import { toRoutingRuleDrafts, toRoutingRulesMessage } from "./routing-rule-message.ts";

type Handlers = HandlersOf<typeof DeploymentServiceService>;

export function releaseHandlers(
  releases: ReleaseService,
  propagations: PropagationService,
): Pick<Handlers, "createRelease" | "diffRelease" | "rollback" | "getRelease" | "listReleases" | "getPropagation"> {
  return {
    async createRelease(request, context) {
      const ids = parseName("deployment", request.name);
      const { note, etag } = request;
      const asked = {
        revision: checkId("revision", request.revision, "revision"),
        environmentBackend: request.environmentBackend && toBackendDraft(request.environmentBackend),
        routingRules: request.routingRules && toRoutingRuleDrafts(request.routingRules),
        note,
        etag,
        author: authorOf(context),
      };
      return toMessage(ids, await releases.create(ids, asked, onceOf(context, request, CreateReleaseRequest)));
    },
    async diffRelease(request) {
      const ids = parseName("deployment", request.name);
      const { live, apis } = await releases.diff(ids, {
        revision: checkId("revision", request.revision, "revision"),
        environmentBackend: request.environmentBackend && toBackendDraft(request.environmentBackend),
        routingRules: request.routingRules && toRoutingRuleDrafts(request.routingRules),
      });
      const revision = live === undefined ? "" : revisionText(live.revision);
      return { release: live?.number ?? 0, revision, apis: apis.map(toDifferenceMessage) };
    },
    async getPropagation({ name, waitMs }, { principal, signal }) {
      const asking = { person: principalName(principal), signal };
      const { gateways, ...propagation } = await propagations.get(parseName("deployment", name), waitMs, asking);
      return { ...propagation, total: gateways.length, gateways: [...gateways] };
    },
    async rollback(request, context) {
      const ids = parseName("deployment", request.name);
      const release = request.release === 0 ? 0 : Number(checkId("release", String(request.release), "release"));
      const { note, etag } = request;
      const asked = { release, note, etag, author: authorOf(context) };
      return toMessage(ids, await releases.rollback(ids, asked, onceOf(context, request, RollbackRequest)));
    },
    async getRelease({ name }) {
      const ids = parseName("release", name);
      return toMessage(ids, await releases.get(ids, Number(ids.release)));
    },
    async listReleases({ parent, pageSize, pageToken }) {
      const ids = parseName("deployment", parent, "parent");
      const scope = `releases ${parent}`;
      const size = Math.min(pageSizeOf(pageSize), LIMITS.heavyPageMax);
      const [before = INTEGER_MAX] = numbersAfter(scope, pageToken, [INTEGER_MAX]) ?? [];
      const rows = await releases.list(ids, before, size + 1);
      const { page, nextPageToken } = pageOf(rows, size, scope, ({ number }) => [String(number)]);
      return { releases: page.map((release) => toMessage(ids, release)), nextPageToken };
    },
  };
}

function toMessage({ project, group, environment }: DeploymentIds, release: Release): ReleaseMessage {
  const { number, note, author, createdAt, rollbackOf } = release;
  return {
    name: formatName("release", { project, group, environment, release: String(number) }),
    number,
    revision: revisionText(release.revision),
    note,
    author,
    createdAt,
    environmentBackend: release.environmentBackend && toBackendMessage(project, release.environmentBackend),
    routingRules: toRoutingRulesMessage(project, release.routingRules),
    apis: release.apis.map(({ id, method, path, backend }) => ({ apiId: id, method, path, backend })),
    rollbackOf,
  };
}

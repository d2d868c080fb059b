import { formatName } from "@millrace/names";
import {
  type Authorization,
  type AuthorizationServiceService,
  CreateAuthorizationRequest,
  KeyKind as ProtoKeyKind,
} from "@millrace/proto/auth/v1/authorizations";
import { type HandlersOf, pageOf } from "@millrace/rpc";
import { TEXTS } from "../limits.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import type { AuthorizationRow, KeyKind } from "./authorization.ts";
import type { AuthorizationService } from "./authorization-service.ts";

export function authorizationRpc(service: AuthorizationService): HandlersOf<typeof AuthorizationServiceService> {
  return {
    async createAuthorization(request, context) {
      const check = new RequestCheck();
      const deployment = check.name("deployment", request.parent, "parent");
      const keyId = check.id("key", request.keyId, "key_id");
      const note = check.text("note", request.note, { min: 0, max: TEXTS.noteCharsMax });
      const once = check.once(context, request, CreateAuthorizationRequest);
      check.done();
      return toProto(await service.create(deployment, keyId, note, once));
    },

    async listAuthorizations(request) {
      const check = new RequestCheck();
      const deployment = check.name("deployment", request.parent, "parent");
      const page = check.page(`authorizations of ${request.parent}`, request, [SORT_KEY.id]);
      check.done();
      const cut = pageOf(await service.list(deployment, page), page.size, page.scope, ({ keyId }) => [keyId]);
      return { authorizations: cut.page.map(toProto), nextPageToken: cut.nextPageToken };
    },

    async deleteAuthorization(request) {
      const check = new RequestCheck();
      const { key, ...deployment } = check.name("authorization", request.name);
      check.done();
      await service.delete(deployment, key);
      return {};
    },

    async listCallableDeployments(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const { id } = SORT_KEY;
      const page = check.page(`callable deployments of ${request.parent}`, request, [id, id, id, id]);
      check.done();
      const rows = await service.listCallable(project, page);
      const cut = pageOf(rows, page.size, page.scope, (row) => [
        row.keyId,
        row.projectId,
        row.groupId,
        row.environment,
      ]);
      const callableDeployments = cut.page.map((row) => ({
        deployment: deploymentName(row),
        keyId: row.keyId,
        keyKind: PROTO_KINDS[row.keyKind],
        createdAt: row.createdAt,
      }));
      return { callableDeployments, nextPageToken: cut.nextPageToken };
    },
  };
}

const PROTO_KINDS = {
  access: ProtoKeyKind.ACCESS_KEY,
  subscription: ProtoKeyKind.SUBSCRIPTION_KEY,
} as const satisfies Record<KeyKind, ProtoKeyKind>;

function deploymentName({ projectId, groupId, environment }: AuthorizationRow): string {
  return formatName("deployment", { project: projectId, group: groupId, environment });
}

function toProto(row: AuthorizationRow): Authorization {
  return {
    name: `${deploymentName(row)}/authorizations/${row.keyId}`,
    keyId: row.keyId,
    keyKind: PROTO_KINDS[row.keyKind],
    note: row.note,
    createdAt: row.createdAt,
  };
}

import { formatName } from "@millrace/names";
import {
  CreateSubscriptionKeyRequest,
  type SubscriptionKey,
  type SubscriptionKeyServiceService,
} from "@millrace/proto/auth/v1/keys";
import { etagOf, type HandlersOf, pageOf } from "@millrace/rpc";
import { TEXTS } from "../limits.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import type { SubscriptionKeyRow } from "./subscription-key.ts";
import type { SubscriptionKeyService } from "./subscription-key-service.ts";

const DISPLAY_NAME = { min: 1, max: TEXTS.displayNameCharsMax };

export function subscriptionKeyRpc(service: SubscriptionKeyService): HandlersOf<typeof SubscriptionKeyServiceService> {
  return {
    async createSubscriptionKey(request, context) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const displayName = check.text("display_name", request.displayName, DISPLAY_NAME);
      const once = check.once(context, request, CreateSubscriptionKeyRequest);
      check.done();
      const { key, value } = await service.create(project, displayName, once);
      return { subscriptionKey: toProto(key), value };
    },

    async getSubscriptionKey(request) {
      const check = new RequestCheck();
      const { project, key } = check.name("subscriptionKey", request.name);
      check.done();
      return toProto(await service.get(project, key));
    },

    async listSubscriptionKeys(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const page = check.page(`subscription keys of ${request.parent}`, request, [SORT_KEY.instant, SORT_KEY.id]);
      check.done();
      const rows = await service.list(project, page);
      const cut = pageOf(rows, page.size, page.scope, (row) => [row.createdAt.toISOString(), row.keyId]);
      return { subscriptionKeys: cut.page.map(toProto), nextPageToken: cut.nextPageToken };
    },

    async updateSubscriptionKey({ name, displayName, disabled, etag }) {
      const check = new RequestCheck();
      const { project, key } = check.name("subscriptionKey", name);
      if (displayName !== undefined) check.text("display_name", displayName, DISPLAY_NAME);
      check.done();
      return toProto(await service.update(project, key, { displayName, disabled, etag }));
    },

    async deleteSubscriptionKey(request) {
      const check = new RequestCheck();
      const { project, key } = check.name("subscriptionKey", request.name);
      check.done();
      await service.delete(project, key, request.etag);
      return {};
    },
  };
}

function toProto(row: SubscriptionKeyRow): SubscriptionKey {
  return {
    name: formatName("subscriptionKey", { project: row.projectId, key: row.keyId }),
    keyId: row.keyId,
    displayName: row.displayName,
    disabled: row.disabled,
    createdAt: row.createdAt,
    etag: etagOf(row.version),
  };
}

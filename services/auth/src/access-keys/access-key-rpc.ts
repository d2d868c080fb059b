import { formatName } from "@millrace/names";
import { type AccessKey, type AccessKeyServiceService, CreateAccessKeyRequest } from "@millrace/proto/auth/v1/keys";
import { etagOf, type HandlersOf, pageOf } from "@millrace/rpc";
import { TEXTS } from "../limits.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import type { AccessKeyRow } from "./access-key.ts";
import type { AccessKeyService } from "./access-key-service.ts";

const DISPLAY_NAME = { min: 1, max: TEXTS.displayNameCharsMax };

export function accessKeyRpc(service: AccessKeyService): HandlersOf<typeof AccessKeyServiceService> {
  return {
    async createAccessKey(request, context) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const displayName = check.text("display_name", request.displayName, DISPLAY_NAME);
      const once = check.once(context, request, CreateAccessKeyRequest);
      check.done();
      const { key, secret } = await service.create(project, displayName, once);
      return { accessKey: toProto(key), secret };
    },

    async getAccessKey(request) {
      const check = new RequestCheck();
      const { project, key } = check.name("accessKey", request.name);
      check.done();
      return toProto(await service.get(project, key));
    },

    async listAccessKeys(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const page = check.page(`access keys of ${request.parent}`, request, [SORT_KEY.instant, SORT_KEY.id]);
      check.done();
      const rows = await service.list(project, page);
      const cut = pageOf(rows, page.size, page.scope, (row) => [row.createdAt.toISOString(), row.keyId]);
      return { accessKeys: cut.page.map(toProto), nextPageToken: cut.nextPageToken };
    },

    async updateAccessKey({ name, displayName, disabled, etag }) {
      const check = new RequestCheck();
      const { project, key } = check.name("accessKey", name);
      if (displayName !== undefined) check.text("display_name", displayName, DISPLAY_NAME);
      check.done();
      return toProto(await service.update(project, key, { displayName, disabled, etag }));
    },

    async deleteAccessKey(request) {
      const check = new RequestCheck();
      const { project, key } = check.name("accessKey", request.name);
      check.done();
      await service.delete(project, key, request.etag);
      return {};
    },
  };
}

function toProto(row: AccessKeyRow): AccessKey {
  return {
    name: formatName("accessKey", { project: row.projectId, key: row.keyId }),
    keyId: row.keyId,
    displayName: row.displayName,
    disabled: row.disabled,
    createdAt: row.createdAt,
    etag: etagOf(row.version),
  };
}

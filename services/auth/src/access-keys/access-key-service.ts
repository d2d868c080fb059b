import { formatName, parseName } from "@millrace/names";
import { markKeys } from "@millrace/projection";
import { checkEtag, etagOf, noteCall } from "@millrace/rpc";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, violatedConstraint } from "@millrace/sql";
import { deleteAuthorizationsOfKey } from "../authorizations/authorization-store.ts";
import { type KeyChange, mintKeyId } from "../caller-key.ts";
import { QUOTAS } from "../limits.ts";
import { lockProject } from "../members/project-store.ts";
import { accessKeyMark, authorizationMark } from "../projecting/grant-keys.ts";
import type { Page } from "../request-check.ts";
import {
  type AccessKeyRow,
  accessKeyExists,
  accessKeyNotFound,
  accessKeyQuota,
  mintAccessKeySecret,
  secretContext,
} from "./access-key.ts";
import {
  accessKeyIdsOf,
  countAccessKeys,
  deleteAccessKey,
  findAccessKey,
  insertAccessKey,
  listAccessKeys,
  lockAccessKey,
  updateAccessKey,
} from "./access-key-store.ts";

export interface AccessKeyServiceDeps {
  sql: Sql;
  now: () => Date;
  /** Seals under the master key. */
  masterKeys: { seal(plaintext: Uint8Array, context: string): Buffer };
}

export class AccessKeyService {
  readonly #deps: AccessKeyServiceDeps;

  constructor(deps: AccessKeyServiceDeps) {
    this.#deps = deps;
  }

  /**
   * A repeated request answers the same key and no secret. Errors: `not_found` project_not_found, `already_exists`
   * access_key_exists, `resource_exhausted` access_key_quota.
   */
  async create(
    projectId: string,
    displayName: string,
    request: IdempotentRequest,
  ): Promise<{ key: AccessKeyRow; secret: string }> {
    const { sql, now, masterKeys } = this.#deps;
    const secret = mintAccessKeySecret();
    const minted = mintKeyId("accessKey");
    const sealedSecret = masterKeys.seal(Buffer.from(secret), secretContext(minted));
    return inTransaction(sql, async (tx) => {
      const { resource, repeated } = await createOnce(tx, request, async () => {
        await lockProject(tx, projectId);
        if ((await countAccessKeys(tx, projectId)) >= QUOTAS.accessKeysPerProject) throw accessKeyQuota();
        await insertAccessKey(tx, { keyId: minted, projectId, displayName, sealedSecret, createdAt: now() });
        await markKeys(tx, [accessKeyMark(minted)]);
        return formatName("accessKey", { project: projectId, key: minted });
      });
      const { key: keyId } = parseName("accessKey", resource);
      noteCall({ object: resource });
      return {
        key: present(await findAccessKey(tx, projectId, keyId), projectId, keyId),
        secret: repeated ? "" : secret,
      };
    }).catch(nameTaken(displayName));
  }

  async get(projectId: string, keyId: string): Promise<AccessKeyRow> {
    return present(await query(() => findAccessKey(this.#deps.sql, projectId, keyId)), projectId, keyId);
  }

  list(projectId: string, page: Page): Promise<AccessKeyRow[]> {
    return query(() => listAccessKeys(this.#deps.sql, projectId, page));
  }

  /** Of all keys of a project, also of disabled ones. */
  ids(projectId: string): Promise<string[]> {
    return query(() => accessKeyIdsOf(this.#deps.sql, projectId));
  }

  /** Errors: `not_found` access_key_not_found, `already_exists` access_key_exists, `aborted` etag_mismatch. */
  async update(projectId: string, keyId: string, change: KeyChange): Promise<AccessKeyRow> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const key = present(await lockAccessKey(tx, projectId, keyId), projectId, keyId);
      checkEtag(change.etag, etagOf(key.version));
      const displayName = change.displayName ?? key.displayName;
      const updated = await updateAccessKey(tx, { keyId, displayName, disabled: change.disabled ?? key.disabled });
      await markKeys(tx, [accessKeyMark(keyId)]);
      return updated;
    }).catch(nameTaken(change.displayName ?? ""));
  }

  /** Removes the key's authorisations too. Errors: `not_found` access_key_not_found, `aborted` etag_mismatch. */
  async delete(projectId: string, keyId: string, etag: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      const key = present(await lockAccessKey(tx, projectId, keyId), projectId, keyId);
      checkEtag(etag, etagOf(key.version));
      const grants = await deleteAuthorizationsOfKey(tx, keyId);
      await deleteAccessKey(tx, keyId);
      await markKeys(tx, [accessKeyMark(keyId), ...grants.map(authorizationMark)]);
    });
  }
}

function present(key: AccessKeyRow | undefined, projectId: string, keyId: string): AccessKeyRow {
  if (key) return key;
  throw accessKeyNotFound(projectId, keyId);
}

function nameTaken(displayName: string) {
  return (error: unknown): never => {
    throw violatedConstraint(error) === "access_keys_display_name" ? accessKeyExists(displayName) : error;
  };
}

import { formatName, parseName } from "@millrace/names";
import { markKeys } from "@millrace/projection";
import { checkEtag, etagOf, noteCall } from "@millrace/rpc";
import { hashToken } from "@millrace/sealing";
import { createOnce, type IdempotentRequest, inTransaction, query, type Sql, violatedConstraint } from "@millrace/sql";
import { deleteAuthorizationsOfKey } from "../authorizations/authorization-store.ts";
import { type KeyChange, mintKeyId } from "../caller-key.ts";
import { QUOTAS } from "../limits.ts";
import { lockProject } from "../members/project-store.ts";
import { authorizationMark, subscriptionKeyMark } from "../projecting/grant-keys.ts";
import type { Page } from "../request-check.ts";
import {
  mintSubscriptionKeyValue,
  type SubscriptionKeyRow,
  subscriptionKeyExists,
  subscriptionKeyNotFound,
  subscriptionKeyQuota,
} from "./subscription-key.ts";
import {
  countSubscriptionKeys,
  deleteSubscriptionKey,
  findSubscriptionKey,
  insertSubscriptionKey,
  listSubscriptionKeys,
  lockSubscriptionKey,
  updateSubscriptionKey,
} from "./subscription-key-store.ts";

export interface SubscriptionKeyServiceDeps {
  sql: Sql;
  now: () => Date;
}

export class SubscriptionKeyService {
  readonly #deps: SubscriptionKeyServiceDeps;

  constructor(deps: SubscriptionKeyServiceDeps) {
    this.#deps = deps;
  }

  /**
   * A repeated request answers the same key and no value. Errors: `not_found` project_not_found, `already_exists`
   * subscription_key_exists, `resource_exhausted` subscription_key_quota.
   */
  async create(
    projectId: string,
    displayName: string,
    request: IdempotentRequest,
  ): Promise<{ key: SubscriptionKeyRow; value: string }> {
    const { sql, now } = this.#deps;
    const value = mintSubscriptionKeyValue();
    const minted = mintKeyId("subscriptionKey");
    const keyHash = hashToken(value);
    return inTransaction(sql, async (tx) => {
      const { resource, repeated } = await createOnce(tx, request, async () => {
        await lockProject(tx, projectId);
        if ((await countSubscriptionKeys(tx, projectId)) >= QUOTAS.subscriptionKeysPerProject)
          throw subscriptionKeyQuota();
        await insertSubscriptionKey(tx, { keyId: minted, projectId, displayName, keyHash, createdAt: now() });
        await markKeys(tx, [subscriptionKeyMark(keyHash)]);
        return formatName("subscriptionKey", { project: projectId, key: minted });
      });
      const { key: keyId } = parseName("subscriptionKey", resource);
      noteCall({ object: resource });
      return {
        key: present(await findSubscriptionKey(tx, projectId, keyId), projectId, keyId),
        value: repeated ? "" : value,
      };
    }).catch(nameTaken(displayName));
  }

  async get(projectId: string, keyId: string): Promise<SubscriptionKeyRow> {
    return present(await query(() => findSubscriptionKey(this.#deps.sql, projectId, keyId)), projectId, keyId);
  }

  list(projectId: string, page: Page): Promise<SubscriptionKeyRow[]> {
    return query(() => listSubscriptionKeys(this.#deps.sql, projectId, page));
  }

  /** Errors: `not_found` subscription_key_not_found, `already_exists` subscription_key_exists, `aborted` etag_mismatch. */
  async update(projectId: string, keyId: string, change: KeyChange): Promise<SubscriptionKeyRow> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const key = present(await lockSubscriptionKey(tx, projectId, keyId), projectId, keyId);
      checkEtag(change.etag, etagOf(key.version));
      const displayName = change.displayName ?? key.displayName;
      const updated = await updateSubscriptionKey(tx, {
        keyId,
        displayName,
        disabled: change.disabled ?? key.disabled,
      });
      await markKeys(tx, [subscriptionKeyMark(key.keyHash)]);
      return updated;
    }).catch(nameTaken(change.displayName ?? ""));
  }

  /** Removes the key's authorisations too. Errors: `not_found` subscription_key_not_found, `aborted` etag_mismatch. */
  async delete(projectId: string, keyId: string, etag: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      const key = present(await lockSubscriptionKey(tx, projectId, keyId), projectId, keyId);
      checkEtag(etag, etagOf(key.version));
      const grants = await deleteAuthorizationsOfKey(tx, keyId);
      await deleteSubscriptionKey(tx, keyId);
      await markKeys(tx, [subscriptionKeyMark(key.keyHash), ...grants.map(authorizationMark)]);
    });
  }
}

function present(key: SubscriptionKeyRow | undefined, projectId: string, keyId: string): SubscriptionKeyRow {
  if (key) return key;
  throw subscriptionKeyNotFound(projectId, keyId);
}

function nameTaken(displayName: string) {
  return (error: unknown): never => {
    throw violatedConstraint(error) === "subscription_keys_display_name" ? subscriptionKeyExists(displayName) : error;
  };
}

import type { Queryable, Transaction } from "@millrace/sql";
import type { Page } from "../request-check.ts";
import type { SubscriptionKeyRow } from "./subscription-key.ts";

const columns = (db: Queryable) => db`key_id, project_id, key_hash, display_name, disabled, version, created_at`;

/** Unique by subscription_keys_display_name: the caller turns the violation into subscription_key_exists. */
export async function insertSubscriptionKey(
  tx: Transaction,
  key: Omit<SubscriptionKeyRow, "version" | "disabled">,
): Promise<void> {
  await tx`
    insert into subscription_keys (key_id, project_id, display_name, key_hash, created_at)
    values (${key.keyId}, ${key.projectId}, ${key.displayName}, ${key.keyHash}, ${key.createdAt})`;
}

/** The caller holds the project's lock; served by subscription_keys_by_project. */
export async function countSubscriptionKeys(tx: Transaction, projectId: string): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count
    from subscription_keys
    where project_id = ${projectId}`;
  return row!.count;
}

/** Served by the primary key; a key of another project is not found. */
export async function findSubscriptionKey(
  db: Queryable,
  projectId: string,
  keyId: string,
): Promise<SubscriptionKeyRow | undefined> {
  const [key] = await db<SubscriptionKeyRow[]>`
    select ${columns(db)}
    from subscription_keys
    where key_id = ${keyId} and project_id = ${projectId}`;
  return key;
}

/** As above, and locks the row against changes, deletion and new authorisations. */
export async function lockSubscriptionKey(
  tx: Transaction,
  projectId: string,
  keyId: string,
): Promise<SubscriptionKeyRow | undefined> {
  const [key] = await tx<SubscriptionKeyRow[]>`
    select ${columns(tx)}
    from subscription_keys
    where key_id = ${keyId} and project_id = ${projectId}
    for update`;
  return key;
}

/** Oldest first; served by subscription_keys_by_project. */
export function listSubscriptionKeys(db: Queryable, projectId: string, page: Page): Promise<SubscriptionKeyRow[]> {
  const [createdAt, keyId] = page.after ?? [];
  return db<SubscriptionKeyRow[]>`
    select ${columns(db)}
    from subscription_keys
    where project_id = ${projectId}
      ${createdAt === undefined ? db`` : db`and (created_at, key_id) > (${new Date(createdAt)}, ${keyId!})`}
    order by created_at, key_id
    limit ${page.size + 1}`;
}

export async function updateSubscriptionKey(
  tx: Transaction,
  key: Pick<SubscriptionKeyRow, "keyId" | "displayName" | "disabled">,
): Promise<SubscriptionKeyRow> {
  const [row] = await tx<SubscriptionKeyRow[]>`
    update subscription_keys
    set display_name = ${key.displayName}, disabled = ${key.disabled}, version = version + 1
    where key_id = ${key.keyId}
    returning ${columns(tx)}`;
  return row!;
}

/** The caller has removed the key's authorisations. */
export async function deleteSubscriptionKey(tx: Transaction, keyId: string): Promise<void> {
  await tx`
    delete from subscription_keys
    where key_id = ${keyId}`;
}

/** Answers the hashes of the keys; the caller has removed their authorisations. */
export async function deleteSubscriptionKeysOf(tx: Transaction, projectId: string): Promise<string[]> {
  const rows = await tx<{ keyHash: string }[]>`
    delete from subscription_keys
    where project_id = ${projectId}
    returning key_hash`;
  return rows.map(({ keyHash }) => keyHash);
}

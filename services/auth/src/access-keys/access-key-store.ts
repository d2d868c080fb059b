import type { Queryable, Transaction } from "@millrace/sql";
import type { Page } from "../request-check.ts";
import type { AccessKeyRow } from "./access-key.ts";

const columns = (db: Queryable) => db`key_id, project_id, display_name, disabled, version, created_at`;

/** Unique by access_keys_display_name: the caller turns the violation into access_key_exists. */
export async function insertAccessKey(
  tx: Transaction,
  key: Omit<AccessKeyRow, "version" | "disabled"> & { sealedSecret: Buffer },
): Promise<void> {
  await tx`
    insert into access_keys (key_id, project_id, display_name, sealed_secret, created_at)
    values (${key.keyId}, ${key.projectId}, ${key.displayName}, ${key.sealedSecret}, ${key.createdAt})`;
}

/** The caller holds the project's lock; served by access_keys_by_project. */
export async function countAccessKeys(tx: Transaction, projectId: string): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count
    from access_keys
    where project_id = ${projectId}`;
  return row!.count;
}

/** Served by the primary key; a key of another project is not found. */
export async function findAccessKey(
  db: Queryable,
  projectId: string,
  keyId: string,
): Promise<AccessKeyRow | undefined> {
  const [key] = await db<AccessKeyRow[]>`
    select ${columns(db)}
    from access_keys
    where key_id = ${keyId} and project_id = ${projectId}`;
  return key;
}

/** As above, and locks the row against changes, deletion and new authorisations. */
export async function lockAccessKey(
  tx: Transaction,
  projectId: string,
  keyId: string,
): Promise<AccessKeyRow | undefined> {
  const [key] = await tx<AccessKeyRow[]>`
    select ${columns(tx)}
    from access_keys
    where key_id = ${keyId} and project_id = ${projectId}
    for update`;
  return key;
}

/** Oldest first; served by access_keys_by_project. */
export function listAccessKeys(db: Queryable, projectId: string, page: Page): Promise<AccessKeyRow[]> {
  const [createdAt, keyId] = page.after ?? [];
  return db<AccessKeyRow[]>`
    select ${columns(db)}
    from access_keys
    where project_id = ${projectId}
      ${createdAt === undefined ? db`` : db`and (created_at, key_id) > (${new Date(createdAt)}, ${keyId!})`}
    order by created_at, key_id
    limit ${page.size + 1}`;
}

/** As many as the quota allows; served by access_keys_by_project. */
export async function accessKeyIdsOf(db: Queryable, projectId: string): Promise<string[]> {
  const rows = await db<{ keyId: string }[]>`
    select key_id
    from access_keys
    where project_id = ${projectId}`;
  return rows.map(({ keyId }) => keyId);
}

export async function updateAccessKey(
  tx: Transaction,
  key: Pick<AccessKeyRow, "keyId" | "displayName" | "disabled">,
): Promise<AccessKeyRow> {
  const [row] = await tx<AccessKeyRow[]>`
    update access_keys
    set display_name = ${key.displayName}, disabled = ${key.disabled}, version = version + 1
    where key_id = ${key.keyId}
    returning ${columns(tx)}`;
  return row!;
}

/** The caller has removed the key's authorisations. */
export async function deleteAccessKey(tx: Transaction, keyId: string): Promise<void> {
  await tx`
    delete from access_keys
    where key_id = ${keyId}`;
}

/** Answers the ids of the keys; the caller has removed their authorisations. */
export async function deleteAccessKeysOf(tx: Transaction, projectId: string): Promise<string[]> {
  const rows = await tx<{ keyId: string }[]>`
    delete from access_keys
    where project_id = ${projectId}
    returning key_id`;
  return rows.map(({ keyId }) => keyId);
}

/** Of keys that are not disabled; served by the primary key. */
export function findSealedSecrets(
  db: Queryable,
  keyIds: readonly string[],
): Promise<{ keyId: string; sealedSecret: Buffer }[]> {
  return db<{ keyId: string; sealedSecret: Buffer }[]>`
    select key_id, sealed_secret
    from access_keys
    where key_id = any(${keyIds as string[]}) and not disabled`;
}

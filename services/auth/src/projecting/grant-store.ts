import type { Queryable } from "@millrace/sql";
import type { Grant } from "./grant-keys.ts";

// What the bucket `grants` shows.

interface KeyGrant {
  keyId: string;
  projectId: string;
  disabled: boolean;
}

/** Served by the primary key. */
export async function findAccessKeyGrant(db: Queryable, keyId: string): Promise<KeyGrant | undefined> {
  const [row] = await db<KeyGrant[]>`
    select key_id, project_id, disabled
    from access_keys
    where key_id = ${keyId}`;
  return row;
}

/** Served by the unique key hash. */
export async function findSubscriptionKeyGrant(db: Queryable, keyHash: string): Promise<KeyGrant | undefined> {
  const [row] = await db<KeyGrant[]>`
    select key_id, project_id, disabled
    from subscription_keys
    where key_hash = ${keyHash}`;
  return row;
}

/** Served by authorizations_by_host. */
export async function isAuthorized(db: Queryable, hostLabel: string, keyId: string): Promise<boolean> {
  const rows = await db`
    select 1
    from authorizations
    where host_label = ${hostLabel} and key_id = ${keyId}`;
  return rows.length === 1;
}

/** Everything that the bucket should show: three lists, each read by pages in the order of its key. */
export const GRANT_LISTS = {
  accessKeys: (db: Queryable, after: string, limit: number): Promise<{ keyId: string }[]> => db`
    select key_id
    from access_keys
    where key_id > ${after}
    order by key_id
    limit ${limit}`,
  subscriptionKeys: (db: Queryable, after: string, limit: number): Promise<{ keyHash: string }[]> => db`
    select key_hash
    from subscription_keys
    where key_hash > ${after}
    order by key_hash
    limit ${limit}`,
  authorizations: (db: Queryable, afterHost: string, afterKey: string, limit: number): Promise<Grant[]> => db`
    select host_label, key_id
    from authorizations
    where (host_label, key_id) > (${afterHost}, ${afterKey})
    order by host_label, key_id
    limit ${limit}`,
} as const;

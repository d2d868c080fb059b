import type { Queryable, Transaction } from "@millrace/sql";
import type { Grant } from "../projecting/grant-keys.ts";
import type { Page } from "../request-check.ts";
import type { AuthorizationRow, Deployment, KeyKind } from "./authorization.ts";

const columns = (db: Queryable) => db`
  a.project_id, a.group_id, a.environment, a.key_id,
  case when a.access_key_id is null then 'subscription' else 'access' end as key_kind,
  a.note, a.created_at`;

/**
 * Which kind of key this is; served by the primary keys. Keeps the key from being deleted until the transaction ends, so that whoever
 * deletes it sees, and unmarks, the new authorisation.
 */
export async function lockKeyKind(tx: Transaction, keyId: string): Promise<KeyKind | undefined> {
  const access = await tx`select 1 from access_keys where key_id = ${keyId} for key share`;
  if (access.length > 0) return "access";
  const subscription = await tx`select 1 from subscription_keys where key_id = ${keyId} for key share`;
  return subscription.length > 0 ? "subscription" : undefined;
}

/** As above for all keys of a project, against everybody. */
export async function lockKeysOf(tx: Transaction, projectId: string): Promise<void> {
  await tx`select 1 from access_keys where project_id = ${projectId} order by key_id for update`;
  await tx`select 1 from subscription_keys where project_id = ${projectId} order by key_id for update`;
}

/** Answers false when the key is authorised already. */
export async function insertAuthorization(
  tx: Transaction,
  row: AuthorizationRow & { hostLabel: string },
): Promise<boolean> {
  const inserted = await tx`
    insert into authorizations
      (project_id, group_id, environment, access_key_id, subscription_key_id, host_label, note, created_at)
    values
      (${row.projectId}, ${row.groupId}, ${row.environment}, ${row.keyKind === "access" ? row.keyId : null},
        ${row.keyKind === "subscription" ? row.keyId : null}, ${row.hostLabel}, ${row.note}, ${row.createdAt})
    on conflict (project_id, group_id, environment, key_id) do nothing
    returning 1`;
  return inserted.length === 1;
}

/** The caller holds the project's lock; served by the primary key. */
export async function countAuthorizations(
  tx: Transaction,
  { project, group, environment }: Deployment,
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::integer as count
    from authorizations
    where project_id = ${project} and group_id = ${group} and environment = ${environment}`;
  return row!.count;
}

/** Served by the primary key. */
export async function findAuthorization(
  db: Queryable,
  { project, group, environment }: Deployment,
  keyId: string,
): Promise<AuthorizationRow | undefined> {
  const [row] = await db<AuthorizationRow[]>`
    select ${columns(db)}
    from authorizations a
    where a.project_id = ${project} and a.group_id = ${group} and a.environment = ${environment} and a.key_id = ${keyId}`;
  return row;
}

/** By key id; served by the primary key. */
export function listAuthorizations(
  db: Queryable,
  { project, group, environment }: Deployment,
  page: Page,
): Promise<AuthorizationRow[]> {
  const [keyId] = page.after ?? [];
  return db<AuthorizationRow[]>`
    select ${columns(db)}
    from authorizations a
    where a.project_id = ${project} and a.group_id = ${group} and a.environment = ${environment}
      ${keyId === undefined ? db`` : db`and a.key_id > ${keyId}`}
    order by a.key_id
    limit ${page.size + 1}`;
}

/** What the project's keys may call, by key and deployment; served by the keys' project indexes and authorizations_by_key. */
export function listCallable(db: Queryable, projectId: string, page: Page): Promise<AuthorizationRow[]> {
  const [keyId, deploymentProject, groupId, environment] = page.after ?? [];
  return db<AuthorizationRow[]>`
    select ${columns(db)}
    from authorizations a
    where a.key_id in (
        select key_id from access_keys where project_id = ${projectId}
        union all
        select key_id from subscription_keys where project_id = ${projectId})
      ${
        keyId === undefined
          ? db``
          : db`and (a.key_id, a.project_id, a.group_id, a.environment)
            > (${keyId}, ${deploymentProject!}, ${groupId!}, ${environment!})`
      }
    order by a.key_id, a.project_id, a.group_id, a.environment
    limit ${page.size + 1}`;
}

/** Undefined when there was none; served by the primary key. */
export async function deleteAuthorization(
  tx: Transaction,
  { project, group, environment }: Deployment,
  keyId: string,
): Promise<Grant | undefined> {
  const [grant] = await tx<Grant[]>`
    delete from authorizations
    where project_id = ${project} and group_id = ${group} and environment = ${environment} and key_id = ${keyId}
    returning host_label, key_id`;
  return grant;
}

/**
 * Those of a group that had the same name and is gone: labels are made once. They are left by an authorisation that was under way while
 * control-plane deleted the group. The caller holds the project's lock; served by the primary key.
 */
export function deleteFormerAuthorizations(
  tx: Transaction,
  { project, group, environment }: Deployment,
  hostLabel: string,
): Promise<Grant[]> {
  return tx<Grant[]>`
    delete from authorizations
    where project_id = ${project} and group_id = ${group} and environment = ${environment}
      and host_label <> ${hostLabel}
    returning host_label, key_id`;
}

/** The caller holds the key's lock; served by authorizations_by_key. */
export function deleteAuthorizationsOfKey(tx: Transaction, keyId: string): Promise<Grant[]> {
  return tx<Grant[]>`
    delete from authorizations
    where key_id = ${keyId}
    returning host_label, key_id`;
}

/** Of all deployments of a group; served by the primary key. */
export function deleteAuthorizationsOfGroup(tx: Transaction, projectId: string, groupId: string): Promise<Grant[]> {
  return tx<Grant[]>`
    delete from authorizations
    where project_id = ${projectId} and group_id = ${groupId}
    returning host_label, key_id`;
}

/** Those that the project gave and those that its keys have been given; the caller holds the locks of the project and its keys. */
export function deleteAuthorizationsOfProject(tx: Transaction, projectId: string): Promise<Grant[]> {
  return tx<Grant[]>`
    delete from authorizations
    where project_id = ${projectId}
      or access_key_id in (select key_id from access_keys where project_id = ${projectId})
      or subscription_key_id in (select key_id from subscription_keys where project_id = ${projectId})
    returning host_label, key_id`;
}

import { markKeys } from "@millrace/projection";
import { inTransaction, type Sql } from "@millrace/sql";
import { deleteAccessKeysOf } from "../access-keys/access-key-store.ts";
import { deleteAuthorizationsOfProject, lockKeysOf } from "../authorizations/authorization-store.ts";
import { accessKeyMark, authorizationMark, subscriptionKeyMark } from "../projecting/grant-keys.ts";
import { deleteSubscriptionKeysOf } from "../subscription-keys/subscription-key-store.ts";
import { deleteMembersOf } from "./member-store.ts";
import { deleteProject, lockProjectIfKnown } from "./project-store.ts";

/** Forgets members, keys and authorisations of a project that is gone, on both sides: what it gave and what its keys were given. */
export async function forgetProject(sql: Sql, projectId: string): Promise<void> {
  await inTransaction(sql, async (tx) => {
    if (!(await lockProjectIfKnown(tx, projectId))) return;
    await lockKeysOf(tx, projectId);
    const grants = await deleteAuthorizationsOfProject(tx, projectId);
    const accessKeyIds = await deleteAccessKeysOf(tx, projectId);
    const subscriptionKeyHashes = await deleteSubscriptionKeysOf(tx, projectId);
    await deleteMembersOf(tx, projectId);
    await deleteProject(tx, projectId);
    await markKeys(tx, [
      ...grants.map(authorizationMark),
      ...accessKeyIds.map(accessKeyMark),
      ...subscriptionKeyHashes.map(subscriptionKeyMark),
    ]);
  });
}

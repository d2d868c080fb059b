import { KEYS, packRecord } from "@millrace/bus";
import type { Render, Rendered } from "@millrace/projection";
import { AccessKeyRecord, AuthorizationRecord, SubscriptionKeyRecord } from "@millrace/proto/release/v1/release";
import { type Queryable, query } from "@millrace/sql";
import { findAccessKeyGrant, findSubscriptionKeyGrant, isAuthorized } from "./grant-store.ts";

/** Renders a key of the bucket `grants` from the rows that are committed; what no row stands behind is deleted. */
export function grantRender(db: Queryable): Render {
  return (key) => query(() => render(db, key));
}

async function render(db: Queryable, key: string): Promise<Rendered> {
  const [, id = "", keyId = ""] = key.split(".");
  if (key === KEYS.accessKey(id)) return accessKey(db, id);
  if (key === KEYS.subscriptionKey(id)) return subscriptionKey(db, id);
  if (key === KEYS.authorization(id, keyId)) return authorization(db, id, keyId);
  return {};
}

async function accessKey(db: Queryable, keyId: string): Promise<Rendered> {
  const row = await findAccessKeyGrant(db, keyId);
  if (!row) return {};
  return packed(AccessKeyRecord.encode({ keyId, project: row.projectId, disabled: row.disabled }));
}

async function subscriptionKey(db: Queryable, keyHash: string): Promise<Rendered> {
  const row = await findSubscriptionKeyGrant(db, keyHash);
  if (!row) return {};
  return packed(SubscriptionKeyRecord.encode({ keyId: row.keyId, project: row.projectId, disabled: row.disabled }));
}

async function authorization(db: Queryable, hostLabel: string, keyId: string): Promise<Rendered> {
  if (!(await isAuthorized(db, hostLabel, keyId))) return {};
  return packed(AuthorizationRecord.encode({ hostLabel, keyId }));
}

function packed(record: { finish(): Uint8Array }): Rendered {
  return { value: packRecord(record.finish()) };
}

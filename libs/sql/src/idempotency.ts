import { createHash } from "node:crypto";
import { invalidFields, PlatformError } from "@millrace/errors";
import type { Queryable, Transaction } from "./database.ts";

// Idempotent creates (AIP-155). Each service has the table:
//
//   create table idempotent_requests (
//     principal text not null, method text not null, request_id uuid not null,
//     request_hash bytea not null, resource text not null, created_at timestamptz not null default now(),
//     primary key (principal, method, request_id));
//   create index idempotent_requests_by_age on idempotent_requests (created_at);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REMEMBERED_HOURS = 24;
/** Longer than they are recognised, so that clocks may differ. */
const KEPT_MS = 25 * 3_600_000;

export interface IdempotentRequest {
  /** Who asks, e.g. `people/abc`. */
  principal: string;
  method: string;
  /** The client's UUID; empty: every call creates. */
  requestId: string;
  /** The encoded request: the same id with another request is refused. */
  request: Uint8Array;
}

/** An id is optional; one that is given is a UUID. */
export function isRequestId(text: string): boolean {
  return text === "" || UUID.test(text);
}

/**
 * Runs `create`, which answers the new resource's name, once for each request id; a repeated request answers the name that the first
 * one made. Errors: `invalid_argument` request_invalid for an id that is no UUID, `already_exists` request_id_reused.
 */
export async function createOnce(
  tx: Transaction,
  request: IdempotentRequest,
  create: () => Promise<string>,
): Promise<{ resource: string; repeated: boolean }> {
  if (request.requestId === "") return { resource: await create(), repeated: false };
  if (!isRequestId(request.requestId)) throw invalidFields([{ field: "request_id", description: "must be a UUID" }]);
  const { principal, method, requestId } = request;
  const hash = createHash("sha256").update(request.request).digest();
  await tx`select pg_advisory_xact_lock(hashtextextended(${`${principal} ${method} ${requestId}`}, 0))`;
  const [known] = await tx<{ requestHash: Buffer; resource: string }[]>`
    select request_hash, resource
    from idempotent_requests
    where principal = ${principal} and method = ${method} and request_id = ${requestId}
      and created_at > now() - make_interval(hours => ${REMEMBERED_HOURS})`;
  if (known && !known.requestHash.equals(hash)) {
    throw new PlatformError("already_exists", "request_id: was used for another request", {
      reason: "request_id_reused",
    });
  }
  if (known) return { resource: known.resource, repeated: true };
  const resource = await create();
  await tx`
    insert into idempotent_requests (principal, method, request_id, request_hash, resource)
    values (${principal}, ${method}, ${requestId}, ${hash}, ${resource})
    on conflict (principal, method, request_id)
    do update set request_hash = excluded.request_hash, resource = excluded.resource, created_at = now()`;
  return { resource, repeated: false };
}

/** Forgets creates that nobody may repeat any more. Answers how many. By idempotent_requests_by_age. */
export async function forgetRequests(sql: Queryable, now: Date): Promise<number> {
  const forgotten = await sql`
    delete from idempotent_requests
    where created_at < ${new Date(now.getTime() - KEPT_MS)}`;
  return forgotten.count;
}

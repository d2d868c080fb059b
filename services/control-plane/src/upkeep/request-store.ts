import type { Queryable } from "@millrace/sql";

/** Forgets creates that nobody may repeat any more. By the index idempotent_requests_by_age. */
export async function deleteOldRequests(sql: Queryable, before: Date): Promise<void> {
  await sql`
    delete from idempotent_requests
    where created_at < ${before}`;
}

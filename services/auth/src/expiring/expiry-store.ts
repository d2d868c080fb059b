import type { Sql } from "@millrace/sql";
import { LIFETIMES } from "../limits.ts";

/** Deletes what is past its time; served by the indexes by expiry and by age. Answers how many rows. */
export async function deleteExpired(sql: Sql, now: Date): Promise<number> {
  const forgetBefore = new Date(now.getTime() - LIFETIMES.idempotentRequestMs);
  const deleted = [
    await sql`delete from sessions where expires_at <= ${now}`,
    await sql`delete from tokens where expires_at <= ${now}`,
    await sql`delete from invitations where expires_at <= ${now}`,
    await sql`delete from idempotent_requests where created_at <= ${forgetBefore}`,
  ];
  return deleted.reduce((sum, { count }) => sum + count, 0);
}

import { forgetRequests, type Sql } from "@millrace/sql";

/** Deletes what is past its time; served by the indexes by expiry. Answers how many rows. */
export async function deleteExpired(sql: Sql, now: Date): Promise<number> {
  const deleted = [
    await sql`delete from sessions where expires_at <= ${now}`,
    await sql`delete from tokens where expires_at <= ${now}`,
    await sql`delete from invitations where expires_at <= ${now}`,
  ];
  return deleted.reduce((sum, { count }) => sum + count, await forgetRequests(sql, now));
}

import type { Queryable, Transaction } from "@millrace/sql";
import { QUOTAS } from "../limits.ts";

export interface SessionRow {
  sessionId: string;
  personId: string;
  secretHash: string;
  createdAt: Date;
  expiresAt: Date;
}

/** Also ends the person's oldest sessions beyond the quota; served by sessions_by_person. */
export async function insertSession(tx: Transaction, session: SessionRow): Promise<void> {
  await tx`
    insert into sessions (session_id, person_id, secret_hash, created_at, expires_at)
    values (${session.sessionId}, ${session.personId}, ${session.secretHash}, ${session.createdAt}, ${session.expiresAt})`;
  await tx`
    delete from sessions
    where session_id in (
      select session_id
      from sessions
      where person_id = ${session.personId}
      order by created_at desc, session_id
      offset ${QUOTAS.sessionsPerPerson})`;
}

export async function deleteSession(db: Queryable, sessionId: string): Promise<void> {
  await db`
    delete from sessions
    where session_id = ${sessionId}`;
}

/** Ends all sessions of a person but the one given; served by sessions_by_person. */
export async function deleteSessionsOf(tx: Transaction, personId: string, butSessionId = ""): Promise<void> {
  await tx`
    delete from sessions
    where person_id = ${personId} and session_id <> ${butSessionId}`;
}

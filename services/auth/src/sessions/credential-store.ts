import type { Queryable } from "@millrace/sql";
import type { PersonRow } from "../people/person.ts";

/** What a session's or token's row says of its bearer. */
export interface CredentialRow extends PersonRow {
  secretHash: string;
  expiresAt: Date;
  lastUsedAt: Date | null;
  /** `{project}/{role}` each. */
  memberships: string[];
}

/** Served by the primary keys, memberships by members_by_person: one statement for each call that bears a session. */
export async function findSessionCredential(db: Queryable, sessionId: string): Promise<CredentialRow | undefined> {
  const [row] = await db<CredentialRow[]>`
    select ${bearerColumns(db)}, s.secret_hash, s.expires_at, null as last_used_at
    from sessions s
    join people p using (person_id)
    where s.session_id = ${sessionId}`;
  return row;
}

/** As above, for API tokens. */
export async function findTokenCredential(db: Queryable, tokenId: string): Promise<CredentialRow | undefined> {
  const [row] = await db<CredentialRow[]>`
    select ${bearerColumns(db)}, t.secret_hash, t.expires_at, t.last_used_at
    from tokens t
    join people p using (person_id)
    where t.token_id = ${tokenId}`;
  return row;
}

function bearerColumns(db: Queryable) {
  return db`
    p.person_id, p.email, p.display_name, p.operator, p.disabled, p.version, p.created_at,
    to_json(array(
      select m.project_id || '/' || m.role
      from members m
      where m.person_id = p.person_id
      order by m.project_id)) as memberships`;
}

import type { Queryable, Transaction } from "@millrace/sql";

export interface Invitation {
  invitationId: string;
  personId: string;
  secretHash: string;
  expiresAt: Date;
}

/** A person's new invitation ends the one before. */
export async function putInvitation(tx: Transaction, invitation: Invitation): Promise<void> {
  await tx`
    insert into invitations (invitation_id, person_id, secret_hash, expires_at)
    values (${invitation.invitationId}, ${invitation.personId}, ${invitation.secretHash}, ${invitation.expiresAt})
    on conflict (person_id)
    do update set invitation_id = excluded.invitation_id, secret_hash = excluded.secret_hash,
      expires_at = excluded.expires_at`;
}

/** Served by the primary key. Only of people that are not disabled. */
export async function findInvitation(db: Queryable, invitationId: string, now: Date): Promise<Invitation | undefined> {
  const [invitation] = await db<Invitation[]>`
    select invitation_id, person_id, secret_hash, expires_at
    from invitations
    join people using (person_id)
    where invitation_id = ${invitationId} and expires_at > ${now} and not disabled`;
  return invitation;
}

/** Answers false when somebody else has taken it: the deletion is what makes it usable once. */
export async function takeInvitation(tx: Transaction, invitationId: string): Promise<boolean> {
  const taken = await tx`
    delete from invitations
    where invitation_id = ${invitationId}
    returning 1`;
  return taken.length === 1;
}

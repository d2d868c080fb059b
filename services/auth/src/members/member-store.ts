import type { RoleName } from "@millrace/rpc";
import type { Queryable, Transaction } from "@millrace/sql";
import type { Page } from "../request-check.ts";
import type { MemberRow } from "./member.ts";

const columns = (db: Queryable) =>
  db`m.project_id, m.person_id, p.email, p.display_name, m.role, m.version, m.created_at`;

/** Answers false when the person is a member already. */
export async function insertMember(
  tx: Transaction,
  member: Pick<MemberRow, "projectId" | "personId" | "role" | "createdAt">,
): Promise<boolean> {
  const inserted = await tx`
    insert into members (project_id, person_id, role, created_at)
    values (${member.projectId}, ${member.personId}, ${member.role}, ${member.createdAt})
    on conflict (project_id, person_id) do nothing
    returning 1`;
  return inserted.length === 1;
}

/** Served by the primary keys. */
export async function findMember(db: Queryable, projectId: string, personId: string): Promise<MemberRow | undefined> {
  const [member] = await db<MemberRow[]>`
    select ${columns(db)}
    from members m
    join people p using (person_id)
    where m.project_id = ${projectId} and m.person_id = ${personId}`;
  return member;
}

/** By person id; served by the primary key. */
export function listMembers(db: Queryable, projectId: string, page: Page): Promise<MemberRow[]> {
  const [personId] = page.after ?? [];
  return db<MemberRow[]>`
    select ${columns(db)}
    from members m
    join people p using (person_id)
    where m.project_id = ${projectId} ${personId === undefined ? db`` : db`and m.person_id > ${personId}`}
    order by m.person_id
    limit ${page.size + 1}`;
}

/** The caller holds the project's lock. */
export async function countMembers(tx: Transaction, projectId: string): Promise<{ members: number; owners: number }> {
  const [row] = await tx<{ members: number; owners: number }[]>`
    select count(*)::integer as members, (count(*) filter (where role = 'owner'))::integer as owners
    from members
    where project_id = ${projectId}`;
  return row!;
}

export async function updateMemberRole(
  tx: Transaction,
  projectId: string,
  personId: string,
  role: RoleName,
): Promise<void> {
  await tx`
    update members
    set role = ${role}, version = version + 1
    where project_id = ${projectId} and person_id = ${personId}`;
}

export async function deleteMember(tx: Transaction, projectId: string, personId: string): Promise<void> {
  await tx`
    delete from members
    where project_id = ${projectId} and person_id = ${personId}`;
}

export async function deleteMembersOf(tx: Transaction, projectId: string): Promise<void> {
  await tx`
    delete from members
    where project_id = ${projectId}`;
}

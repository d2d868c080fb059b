import { PlatformError } from "@millrace/errors";
import { formatName } from "@millrace/names";
import { checkEtag, etagOf, noteCall, type RoleName } from "@millrace/rpc";
import { inTransaction, query, type Sql, type Transaction } from "@millrace/sql";
import { QUOTAS } from "../limits.ts";
import { personNotFound } from "../people/person.ts";
import { findPerson, findPersonByEmail } from "../people/person-store.ts";
import type { Page } from "../request-check.ts";
import { lastOwner, type MemberRow, memberExists, memberNotFound } from "./member.ts";
import { countMembers, deleteMember, findMember, insertMember, listMembers, updateMemberRole } from "./member-store.ts";
import { insertProject, lockProject } from "./project-store.ts";

export interface MemberServiceDeps {
  sql: Sql;
  now: () => Date;
}

export class MemberService {
  readonly #deps: MemberServiceDeps;

  constructor(deps: MemberServiceDeps) {
    this.#deps = deps;
  }

  /** Errors: `not_found` person_not_found, `already_exists` member_exists, `resource_exhausted` member_quota. */
  async add(projectId: string, email: string, role: RoleName): Promise<MemberRow> {
    const { sql, now } = this.#deps;
    return inTransaction(sql, async (tx) => {
      await lockProject(tx, projectId);
      const person = await findPersonByEmail(tx, email);
      if (!person) throw personNotFound(email);
      noteCall({ object: formatName("member", { project: projectId, person: person.personId }), after: role });
      const { members } = await countMembers(tx, projectId);
      if (members >= QUOTAS.membersPerProject) throw memberQuota();
      const { personId } = person;
      if (!(await insertMember(tx, { projectId, personId, role, createdAt: now() })))
        throw memberExists(projectId, email);
      return present(await findMember(tx, projectId, personId), projectId, personId);
    });
  }

  list(projectId: string, page: Page): Promise<MemberRow[]> {
    return query(() => listMembers(this.#deps.sql, projectId, page));
  }

  /** Errors: `not_found` member_not_found, `failed_precondition` last_owner, `aborted` etag_mismatch. */
  async update(projectId: string, personId: string, role: RoleName, etag: string): Promise<MemberRow> {
    return inTransaction(this.#deps.sql, async (tx) => {
      const member = await lockMember(tx, projectId, personId, etag);
      if (role !== "owner") await keepAnOwner(tx, member);
      noteCall({ after: role });
      await updateMemberRole(tx, projectId, personId, role);
      return present(await findMember(tx, projectId, personId), projectId, personId);
    });
  }

  /** Errors as of `update`. */
  async remove(projectId: string, personId: string, etag: string): Promise<void> {
    await inTransaction(this.#deps.sql, async (tx) => {
      await keepAnOwner(tx, await lockMember(tx, projectId, personId, etag));
      await deleteMember(tx, projectId, personId);
    });
  }

  /**
   * Makes the person the first owner of a project that auth does not know yet; again and again to the same effect. Errors: `not_found`
   * person_not_found, `already_exists` project_exists when somebody else owns it.
   */
  async grantFirstOwner(projectId: string, personId: string): Promise<void> {
    const { sql, now } = this.#deps;
    await inTransaction(sql, async (tx) => {
      if (!(await findPerson(tx, personId))) throw personNotFound(personId);
      if (await insertProject(tx, projectId, now())) {
        await insertMember(tx, { projectId, personId, role: "owner", createdAt: now() });
        return;
      }
      const member = await findMember(tx, projectId, personId);
      if (member?.role !== "owner") throw projectExists(projectId);
    });
  }
}

async function lockMember(tx: Transaction, projectId: string, personId: string, etag: string): Promise<MemberRow> {
  await lockProject(tx, projectId);
  const member = present(await findMember(tx, projectId, personId), projectId, personId);
  checkEtag(etag, etagOf(member.version));
  noteCall({ before: member.role });
  return member;
}

async function keepAnOwner(tx: Transaction, leaving: MemberRow): Promise<void> {
  if (leaving.role !== "owner") return;
  const { owners } = await countMembers(tx, leaving.projectId);
  if (owners <= 1) throw lastOwner(leaving.projectId);
}

function present(member: MemberRow | undefined, projectId: string, personId: string): MemberRow {
  if (member) return member;
  throw memberNotFound(projectId, personId);
}

function memberQuota(): PlatformError {
  return new PlatformError("resource_exhausted", `A project may have ${QUOTAS.membersPerProject} members.`, {
    reason: "member_quota",
  });
}

function projectExists(projectId: string): PlatformError {
  return new PlatformError("already_exists", `Project ${projectId} has another owner.`, { reason: "project_exists" });
}

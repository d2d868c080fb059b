import { formatName } from "@millrace/names";
import type { Member, MemberServiceService } from "@millrace/proto/auth/v1/members";
import type { Role } from "@millrace/proto/auth/v1/people";
import { etagOf, type HandlersOf, pageOf, type RoleName, requireRole } from "@millrace/rpc";
import { checkEmail } from "../people/person.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import { callerOf } from "../sessions/authenticator.ts";
import { fromProtoRole, type MemberRow, toProtoRole } from "./member.ts";
import type { MemberService } from "./member-service.ts";

export function memberRpc(service: MemberService): HandlersOf<typeof MemberServiceService> {
  return {
    async addMember(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const email = checkEmail(check, request.email);
      const role = checkRole(check, request.role);
      check.done();
      return toProto(await service.add(project, email, role));
    },

    async listMembers(request) {
      const check = new RequestCheck();
      const { project } = check.name("project", request.parent, "parent");
      const page = check.page(`members of ${request.parent}`, request, [SORT_KEY.id]);
      check.done();
      const cut = pageOf(await service.list(project, page), page.size, page.scope, ({ personId }) => [personId]);
      return { members: cut.page.map(toProto), nextPageToken: cut.nextPageToken };
    },

    async updateMember(request) {
      const check = new RequestCheck();
      const { project, person } = check.name("member", request.name);
      const role = checkRole(check, request.role);
      check.done();
      return toProto(await service.update(project, person, role, request.etag));
    },

    /** Owners remove anybody; everybody may leave. */
    async removeMember(request, context) {
      const check = new RequestCheck();
      const { project, person } = check.name("member", request.name);
      check.done();
      const leaves = callerOf(context.principal).row.personId === person;
      if (!leaves) requireRole(context.principal, project, "owner");
      await service.remove(project, person, request.etag);
      return {};
    },
  };
}

function checkRole(check: RequestCheck, role: Role): RoleName {
  const name = fromProtoRole(role);
  check.that(name !== undefined, "role", "must be ROLE_OWNER, ROLE_DEVELOPER or ROLE_VIEWER");
  return name!;
}

function toProto(row: MemberRow): Member {
  return {
    name: formatName("member", { project: row.projectId, person: row.personId }),
    email: row.email,
    displayName: row.displayName,
    role: toProtoRole(row.role),
    createdAt: row.createdAt,
    etag: etagOf(row.version),
  };
}

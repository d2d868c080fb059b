import { PlatformError } from "@millrace/errors";
import { Role } from "@millrace/proto/auth/v1/people";
import { ROLES, type RoleName } from "@millrace/rpc";

export interface MemberRow {
  projectId: string;
  personId: string;
  email: string;
  displayName: string;
  role: RoleName;
  version: number;
  createdAt: Date;
}

const PROTO_ROLES = {
  owner: Role.OWNER,
  developer: Role.DEVELOPER,
  viewer: Role.VIEWER,
} as const satisfies Record<RoleName, Role>;

export function toProtoRole(role: RoleName): Role {
  return PROTO_ROLES[role];
}

/** Undefined for what is no role. */
export function fromProtoRole(role: Role): RoleName | undefined {
  return ROLES.find((one) => PROTO_ROLES[one] === role);
}

export function projectNotFound(projectId: string): PlatformError {
  return new PlatformError("not_found", `There is no project ${projectId}.`, { reason: "project_not_found" });
}

export function memberNotFound(projectId: string, personId: string): PlatformError {
  return new PlatformError("not_found", `Project ${projectId} has no member ${personId}.`, {
    reason: "member_not_found",
  });
}

export function memberExists(projectId: string, email: string): PlatformError {
  return new PlatformError("already_exists", `email: ${email} is a member of project ${projectId} already`, {
    reason: "member_exists",
  });
}

export function lastOwner(projectId: string): PlatformError {
  return new PlatformError("failed_precondition", `This is the last owner of ${projectId}; make another one first.`, {
    reason: "last_owner",
  });
}

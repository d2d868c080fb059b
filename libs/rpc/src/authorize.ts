import { PlatformError } from "@millrace/errors";
import { checkId } from "@millrace/names";
import { type Access, type Person, type Principal, ROLES, type RoleName } from "./access.ts";

/** Lets the principal through, or throws `unauthenticated`, `permission_denied`, or `not_found` for a project that it cannot see. */
export function authorize(access: Access, principal: Principal, request: unknown): void {
  if (access.who === "public") return;
  if (access.who === "service") {
    if (principal.kind === "service" && access.services.includes(principal.service)) return;
    throw principal.kind === "anonymous" ? credentialMissing() : denied("Only other services may call this.");
  }
  const person = requirePerson(principal);
  if (access.who === "operator" && !person.operator) throw denied("Only operators may do this.");
  if (access.who === "member") requireRole(person, projectOf(request), access.role);
}

/** Throws unless the person has at least `role` in the project; without any role the project is hidden. */
export function requireRole(principal: Principal, project: string, role: RoleName): void {
  const person = requirePerson(principal);
  if (person.operator) return;
  const held = person.memberships.get(project);
  if (held === undefined)
    throw new PlatformError("not_found", `There is no project ${project}.`, { reason: "project_not_found" });
  if (ROLES.indexOf(held) < ROLES.indexOf(role)) {
    throw denied(`This needs the role ${role} in project ${project}; you are ${held}.`);
  }
}

export function requirePerson(principal: Principal): Person {
  if (principal.kind === "person") return principal;
  throw principal.kind === "anonymous" ? credentialMissing() : denied("Only people may do this.");
}

/** The project id in a request's `parent` or `name`. Throws `invalid_argument` when there is none. */
function projectOf(request: unknown): string {
  const { parent, name } = request as { parent?: string; name?: string };
  const field = parent === undefined ? "name" : "parent";
  const parts = (parent ?? name ?? "").split("/");
  return checkId("project", parts[0] === "projects" ? (parts[1] ?? "") : "", field);
}

function credentialMissing(): PlatformError {
  return new PlatformError("unauthenticated", "A bearer token is needed in the metadata `authorization`.", {
    reason: "credential_missing",
  });
}

function denied(message: string): PlatformError {
  return new PlatformError("permission_denied", message, { reason: "permission_denied" });
}

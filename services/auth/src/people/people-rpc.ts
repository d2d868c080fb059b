import { formatName } from "@millrace/names";
import type { Me_Membership, PeopleServiceService, Person, SignInResponse } from "@millrace/proto/auth/v1/people";
import { etagOf, type HandlersOf, pageOf } from "@millrace/rpc";
import { toProtoRole } from "../members/member.ts";
import { RequestCheck, SORT_KEY } from "../request-check.ts";
import { callerOf, type SignedIn } from "../sessions/authenticator.ts";
import type { OpenedSession, SessionService } from "../sessions/session-service.ts";
import type { JoiningService } from "./joining-service.ts";
import type { PeopleService } from "./people-service.ts";
import { checkEmail, checkNewPassword, checkPassword, checkPersonName, type PersonRow } from "./person.ts";

export interface PeopleRpcDeps {
  people: PeopleService;
  sessions: SessionService;
  joining: JoiningService;
}

export function peopleRpc(deps: PeopleRpcDeps): HandlersOf<typeof PeopleServiceService> {
  return { ...sessionHandlers(deps), ...joiningHandlers(deps), ...peopleHandlers(deps) };
}

type Handlers = HandlersOf<typeof PeopleServiceService>;

function sessionHandlers({
  sessions,
}: PeopleRpcDeps): Pick<Handlers, "signIn" | "signOut" | "getMe" | "changePassword"> {
  return {
    async signIn(request) {
      const check = new RequestCheck();
      const email = checkEmail(check, request.email);
      const password = checkPassword(check, request.password);
      check.done();
      return sessionToProto(await sessions.signIn(email, password));
    },

    async signOut(_request, context) {
      await sessions.signOut(callerOf(context.principal));
      return {};
    },

    async getMe(_request, context) {
      const caller = callerOf(context.principal);
      return { person: personToProto(caller.row), memberships: membershipsToProto(caller) };
    },

    async changePassword(request, context) {
      const check = new RequestCheck();
      const current = checkPassword(check, request.currentPassword, "current_password");
      const next = checkNewPassword(check, request.newPassword, "new_password");
      check.done();
      await sessions.changePassword(callerOf(context.principal), current, next);
      return {};
    },
  };
}

function joiningHandlers({ joining }: PeopleRpcDeps): Pick<Handlers, "invitePerson" | "acceptInvitation" | "register"> {
  return {
    async invitePerson(request) {
      const check = new RequestCheck();
      const email = checkEmail(check, request.email);
      check.done();
      const { invitationToken, expiresAt, person } = await joining.invite(email, request.operator);
      return { invitationToken, expiresAt, person: personToProto(person) };
    },

    async acceptInvitation(request) {
      const check = new RequestCheck();
      check.that(request.invitationToken !== "", "invitation_token", "is required");
      const displayName = checkPersonName(check, request.displayName);
      const password = checkNewPassword(check, request.password);
      check.done();
      return sessionToProto(await joining.accept(request.invitationToken, displayName, password));
    },

    async register(request) {
      const check = new RequestCheck();
      const email = checkEmail(check, request.email);
      const displayName = checkPersonName(check, request.displayName);
      const password = checkNewPassword(check, request.password);
      check.done();
      return sessionToProto(await joining.register(email, displayName, password));
    },
  };
}

function peopleHandlers({ people }: PeopleRpcDeps): Pick<Handlers, "listPeople" | "updatePerson"> {
  return {
    async listPeople(request) {
      const check = new RequestCheck();
      const page = check.page("people", request, [SORT_KEY.email]);
      check.done();
      const cut = pageOf(await people.list(page), page.size, page.scope, ({ email }) => [email]);
      return { people: cut.page.map(personToProto), nextPageToken: cut.nextPageToken };
    },

    async updatePerson({ name, displayName, operator, disabled, etag }) {
      const check = new RequestCheck();
      const { person } = check.name("person", name);
      if (displayName !== undefined) checkPersonName(check, displayName);
      check.done();
      return personToProto(await people.update(person, { operator, disabled, displayName, etag }));
    },
  };
}

function sessionToProto({ token, expiresAt, person }: OpenedSession): SignInResponse {
  return { token, expiresAt, person: personToProto(person) };
}

export function personToProto(row: PersonRow): Person {
  return {
    name: formatName("person", { person: row.personId }),
    email: row.email,
    displayName: row.displayName,
    operator: row.operator,
    disabled: row.disabled,
    createdAt: row.createdAt,
    etag: etagOf(row.version),
  };
}

export function membershipsToProto({ memberships }: SignedIn): Me_Membership[] {
  return Array.from(memberships, ([project, role]) => ({
    project: formatName("project", { project }),
    role: toProtoRole(role),
  }));
}

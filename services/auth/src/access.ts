import { AuditServiceService } from "@millrace/proto/auth/v1/audit";
import { AuthorizationServiceService } from "@millrace/proto/auth/v1/authorizations";
import { IdentityServiceService } from "@millrace/proto/auth/v1/internal";
import { AccessKeyServiceService, SubscriptionKeyServiceService } from "@millrace/proto/auth/v1/keys";
import { MemberServiceService } from "@millrace/proto/auth/v1/members";
import { PeopleServiceService } from "@millrace/proto/auth/v1/people";
import { TokenServiceService } from "@millrace/proto/auth/v1/tokens";
import { type Access, type AccessTable, accessRows } from "@millrace/rpc";

// Who may call what. Operators pass wherever members do.

const PUBLIC: Access = { who: "public" };
const PERSON: Access = { who: "person" };
const OPERATOR: Access = { who: "operator" };
const VIEWER: Access = { who: "member", role: "viewer" };
const DEVELOPER: Access = { who: "member", role: "developer" };
const OWNER: Access = { who: "member", role: "owner" };
const CONTROL_PLANE: Access = { who: "service", services: ["control-plane"] };
const PEERS: Access = { who: "service", services: ["control-plane", "console", "gateway"] };
const GATEWAY: Access = { who: "service", services: ["gateway"] };

export const ACCESS: AccessTable = {
  ...accessRows(PeopleServiceService, {
    signIn: PUBLIC,
    signOut: PERSON,
    getMe: PERSON,
    changePassword: PERSON,
    invitePerson: OPERATOR,
    acceptInvitation: PUBLIC,
    register: PUBLIC,
    listPeople: OPERATOR,
    updatePerson: OPERATOR,
  }),
  ...accessRows(TokenServiceService, { createToken: PERSON, listTokens: PERSON, deleteToken: PERSON }),
  ...accessRows(MemberServiceService, {
    addMember: OWNER,
    listMembers: VIEWER,
    updateMember: OWNER,
    // Everybody may leave; the handler asks for an owner to remove somebody else.
    removeMember: VIEWER,
  }),
  ...accessRows(AccessKeyServiceService, {
    createAccessKey: DEVELOPER,
    getAccessKey: VIEWER,
    listAccessKeys: VIEWER,
    updateAccessKey: DEVELOPER,
    deleteAccessKey: DEVELOPER,
  }),
  ...accessRows(SubscriptionKeyServiceService, {
    createSubscriptionKey: DEVELOPER,
    getSubscriptionKey: VIEWER,
    listSubscriptionKeys: VIEWER,
    updateSubscriptionKey: DEVELOPER,
    deleteSubscriptionKey: DEVELOPER,
  }),
  ...accessRows(AuthorizationServiceService, {
    createAuthorization: DEVELOPER,
    listAuthorizations: VIEWER,
    deleteAuthorization: DEVELOPER,
    listCallableDeployments: VIEWER,
  }),
  // The handler asks for an owner of the project, or without one for an operator.
  ...accessRows(AuditServiceService, { listAuditEvents: PERSON }),
  ...accessRows(IdentityServiceService, {
    authenticate: PEERS,
    grantOwner: CONTROL_PLANE,
    forgetProject: CONTROL_PLANE,
    forgetGroup: CONTROL_PLANE,
    deriveSigningKeys: GATEWAY,
    listAccessKeyIds: CONTROL_PLANE,
    reprojectGrants: CONTROL_PLANE,
  }),
};

/** What changes nothing although it is not called Get… or List…: of these only denials are in the audit log. */
export const READS: readonly string[] = [
  IdentityServiceService.authenticate.path,
  IdentityServiceService.deriveSigningKeys.path,
];

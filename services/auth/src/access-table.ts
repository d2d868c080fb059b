import type { Access, AccessTable } from "@millrace/rpc";

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
  ...rows("PeopleService", {
    SignIn: PUBLIC,
    SignOut: PERSON,
    GetMe: PERSON,
    ChangePassword: PERSON,
    InvitePerson: OPERATOR,
    AcceptInvitation: PUBLIC,
    Register: PUBLIC,
    ListPeople: OPERATOR,
    UpdatePerson: OPERATOR,
  }),
  ...rows("TokenService", { CreateToken: PERSON, ListTokens: PERSON, DeleteToken: PERSON }),
  ...rows("MemberService", {
    AddMember: OWNER,
    ListMembers: VIEWER,
    UpdateMember: OWNER,
    // Everybody may leave; the handler asks for an owner to remove somebody else.
    RemoveMember: VIEWER,
  }),
  ...rows("AccessKeyService", {
    CreateAccessKey: DEVELOPER,
    GetAccessKey: VIEWER,
    ListAccessKeys: VIEWER,
    UpdateAccessKey: DEVELOPER,
    DeleteAccessKey: DEVELOPER,
  }),
  ...rows("SubscriptionKeyService", {
    CreateSubscriptionKey: DEVELOPER,
    GetSubscriptionKey: VIEWER,
    ListSubscriptionKeys: VIEWER,
    UpdateSubscriptionKey: DEVELOPER,
    DeleteSubscriptionKey: DEVELOPER,
  }),
  ...rows("AuthorizationService", {
    CreateAuthorization: DEVELOPER,
    ListAuthorizations: VIEWER,
    DeleteAuthorization: DEVELOPER,
    ListCallableDeployments: VIEWER,
  }),
  ...rows("IdentityService", {
    Authenticate: PEERS,
    GrantOwner: CONTROL_PLANE,
    ForgetProject: CONTROL_PLANE,
    ForgetGroup: CONTROL_PLANE,
    DeriveSigningKeys: GATEWAY,
    ReprojectGrants: CONTROL_PLANE,
  }),
};

function rows(service: string, methods: Record<string, Access>): AccessTable {
  return Object.fromEntries(
    Object.entries(methods).map(([method, access]) => [`/millrace.auth.v1.${service}/${method}`, access]),
  );
}

import type { Access, AccessTable } from "@millrace/rpc";

// Who may call what. Projects of others are not found, whatever their rows say.

const viewer: Access = { who: "member", role: "viewer" };
const developer: Access = { who: "member", role: "developer" };
const owner: Access = { who: "member", role: "owner" };
const person: Access = { who: "person" };
const operator: Access = { who: "operator" };

export const ACCESS: AccessTable = {
  ...rows("ProjectService", {
    CreateProject: person,
    GetProject: viewer,
    ListProjects: person,
    UpdateProject: owner,
    DeleteProject: owner,
  }),
  ...rows("FunctionService", {
    CreateFunction: developer,
    GetFunction: viewer,
    ListFunctions: viewer,
    UpdateFunction: developer,
    DeleteFunction: developer,
    UploadCode: developer,
    PublishVersion: developer,
    GetFunctionVersion: viewer,
    ListFunctionVersions: viewer,
    DeleteFunctionVersion: developer,
    CreateAlias: developer,
    GetAlias: viewer,
    ListAliases: viewer,
    UpdateAlias: developer,
    DeleteAlias: developer,
  }),
  ...rows("GroupService", {
    CreateGroup: developer,
    GetGroup: viewer,
    ListGroups: viewer,
    UpdateGroup: developer,
    DeleteGroup: developer,
    CreateRevision: developer,
    GetRevision: viewer,
    ListRevisions: viewer,
    UpdateRevision: developer,
    DeleteRevision: developer,
  }),
  ...rows("ApiService", {
    CreateApi: developer,
    GetApi: viewer,
    ListApis: viewer,
    UpdateApi: developer,
    DeleteApi: developer,
    ImportApis: developer,
  }),
  ...rows("DeploymentService", {
    GetDeployment: viewer,
    ListDeployments: viewer,
    CreateRelease: developer,
    Rollback: developer,
    TakeOffline: developer,
    BringOnline: developer,
    GetRelease: viewer,
    ListReleases: viewer,
  }),
  ...rows("DeploymentLookupService", { LookupDeployment: { who: "service", services: ["auth"] } }),
  ...rows("LogService", { ListLogs: viewer }),
  ...rows("AdminService", { Reproject: operator, ListRunners: operator }),
};

function rows(service: string, methods: Record<string, Access>): Record<string, Access> {
  return Object.fromEntries(
    Object.entries(methods).map(([method, access]) => [`/millrace.control.v1.${service}/${method}`, access]),
  );
}

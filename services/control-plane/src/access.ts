import { AdminServiceService } from "@millrace/proto/control/v1/admin";
import { AlarmServiceService } from "@millrace/proto/control/v1/alarms";
import { ApiServiceService } from "@millrace/proto/control/v1/apis";
import { AuditServiceService } from "@millrace/proto/control/v1/audit";
import { DeploymentServiceService } from "@millrace/proto/control/v1/deployments";
import { DomainServiceService } from "@millrace/proto/control/v1/domains";
import { FunctionTestServiceService } from "@millrace/proto/control/v1/function_tests";
import { FunctionServiceService } from "@millrace/proto/control/v1/functions";
import { GroupServiceService } from "@millrace/proto/control/v1/groups";
import { DeploymentLookupServiceService } from "@millrace/proto/control/v1/internal";
import { LogServiceService } from "@millrace/proto/control/v1/logs";
import { MetricServiceService } from "@millrace/proto/control/v1/metrics";
import { ProjectServiceService } from "@millrace/proto/control/v1/projects";
import { RequestServiceService } from "@millrace/proto/control/v1/requests";
import { type Access, type AccessTable, accessRows } from "@millrace/rpc";

// Who may call what. Projects of others are not found, whatever their rows say.

const VIEWER: Access = { who: "member", role: "viewer" };
const DEVELOPER: Access = { who: "member", role: "developer" };
const OWNER: Access = { who: "member", role: "owner" };
const PERSON: Access = { who: "person" };
const OPERATOR: Access = { who: "operator" };

export const ACCESS: AccessTable = {
  ...accessRows(ProjectServiceService, {
    createProject: PERSON,
    getProject: VIEWER,
    listProjects: PERSON,
    getQuotas: VIEWER,
    updateProject: OWNER,
    deleteProject: OWNER,
  }),
  ...accessRows(FunctionServiceService, {
    createFunction: DEVELOPER,
    getFunction: VIEWER,
    listFunctions: VIEWER,
    updateFunction: DEVELOPER,
    deleteFunction: DEVELOPER,
    rotateSecret: DEVELOPER,
    listFunctionApis: VIEWER,
    listFunctionDeployments: VIEWER,
    uploadCode: DEVELOPER,
    publishVersion: DEVELOPER,
    getFunctionVersion: VIEWER,
    listFunctionVersions: VIEWER,
    deleteFunctionVersion: DEVELOPER,
    createAlias: DEVELOPER,
    getAlias: VIEWER,
    listAliases: VIEWER,
    updateAlias: DEVELOPER,
    deleteAlias: DEVELOPER,
  }),
  ...accessRows(FunctionTestServiceService, {
    listEventTemplates: PERSON,
    createTestEvent: DEVELOPER,
    getTestEvent: VIEWER,
    listTestEvents: VIEWER,
    updateTestEvent: DEVELOPER,
    deleteTestEvent: DEVELOPER,
    invokeFunction: DEVELOPER,
  }),
  ...accessRows(GroupServiceService, {
    createGroup: DEVELOPER,
    getGroup: VIEWER,
    listGroups: VIEWER,
    updateGroup: DEVELOPER,
    deleteGroup: DEVELOPER,
    createRevision: DEVELOPER,
    getRevision: VIEWER,
    listRevisions: VIEWER,
    updateRevision: DEVELOPER,
    deleteRevision: DEVELOPER,
    diffRevisions: VIEWER,
  }),
  ...accessRows(ApiServiceService, {
    createApi: DEVELOPER,
    getApi: VIEWER,
    listApis: VIEWER,
    updateApi: DEVELOPER,
    deleteApi: DEVELOPER,
    importApis: DEVELOPER,
    exportApis: VIEWER,
  }),
  ...accessRows(DeploymentServiceService, {
    getDeployment: VIEWER,
    listDeployments: VIEWER,
    createRelease: DEVELOPER,
    rollback: DEVELOPER,
    takeOffline: DEVELOPER,
    bringOnline: DEVELOPER,
    batchTakeOffline: DEVELOPER,
    diffRelease: VIEWER,
    listDeploymentHistory: VIEWER,
    getPropagation: VIEWER,
    getRelease: VIEWER,
    listReleases: VIEWER,
  }),
  ...accessRows(DeploymentLookupServiceService, { lookupDeployment: { who: "service", services: ["auth"] } }),
  ...accessRows(MetricServiceService, { queryMetrics: VIEWER }),
  ...accessRows(LogServiceService, { listLogs: VIEWER, tailLogs: VIEWER }),
  ...accessRows(RequestServiceService, {
    listRequests: VIEWER,
    getRequest: VIEWER,
    tailRequests: VIEWER,
    listUnroutedRequests: OPERATOR,
    getUnroutedRequest: OPERATOR,
    tailUnroutedRequests: OPERATOR,
  }),
  ...accessRows(AlarmServiceService, {
    createAlarm: DEVELOPER,
    getAlarm: VIEWER,
    listAlarms: VIEWER,
    updateAlarm: DEVELOPER,
    deleteAlarm: DEVELOPER,
    listAlarmEvents: VIEWER,
    testAlarm: DEVELOPER,
    rotateAlarmSecret: DEVELOPER,
  }),
  ...accessRows(DomainServiceService, {
    createDomain: DEVELOPER,
    getDomain: VIEWER,
    listDomains: VIEWER,
    verifyDomain: DEVELOPER,
    updateDomain: DEVELOPER,
    uploadCertificate: DEVELOPER,
    deleteDomain: DEVELOPER,
  }),
  // The handler asks for an owner of the project, or without one for an operator.
  ...accessRows(AuditServiceService, { listAuditEvents: PERSON }),
  ...accessRows(AdminServiceService, { reproject: OPERATOR, listRunners: OPERATOR }),
};

/** What changes nothing although it is not called Get… or List…: of these only denials are in the audit log. */
export const READS: readonly string[] = [
  ApiServiceService.exportApis.path,
  GroupServiceService.diffRevisions.path,
  DeploymentServiceService.diffRelease.path,
  DeploymentLookupServiceService.lookupDeployment.path,
  LogServiceService.tailLogs.path,
  MetricServiceService.queryMetrics.path,
  RequestServiceService.tailRequests.path,
  RequestServiceService.tailUnroutedRequests.path,
];

export {
  type Access,
  type AccessTable,
  accessRows,
  type Person,
  type Principal,
  principalName,
  ROLES,
  type RoleName,
  type ServiceName,
  type ServicePrincipal,
} from "./access.ts";
export { authorize, requirePerson, requireRole } from "./authorize.ts";
export {
  type CallNotes,
  type CallRecord,
  type CallRecorder,
  type IncomingCall,
  noteCall,
  withNotes,
} from "./call-record.ts";
export { checkEtag, etagOf } from "./etag.ts";
export { onceOf } from "./once.ts";
export { pageOf, pageSizeOf, pageToken, readPageToken } from "./paging.ts";
export { type CallOptions, RpcClient, type RpcClientOptions } from "./rpc-client.ts";
export { fromServiceError, toStatus } from "./rpc-errors.ts";
export { type EndedCall, type HandlersOf, type RpcContext, RpcServer, type RpcServerOptions } from "./rpc-server.ts";
export { ServiceIdentity, ServiceTrust } from "./service-identity.ts";

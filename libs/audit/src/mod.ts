export { AuditLog } from "./audit-log.ts";
export { auditHandlers } from "./audit-rpc.ts";

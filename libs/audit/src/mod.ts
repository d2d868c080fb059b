export type { AuditLine } from "./audit-event.ts";
export { AuditLog } from "./audit-log.ts";
export { auditHandlers } from "./audit-rpc.ts";

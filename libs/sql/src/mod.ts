export { type CommitListener, withCommitListener } from "./commit-listener.ts";
export {
  CONNECTION_OPTIONS,
  closeDatabase,
  type DatabaseConfig,
  inTransaction,
  openDatabase,
  type Queryable,
  query,
  type Sql,
  type Transaction,
} from "./database.ts";
export { DatabaseProbe } from "./database-probe.ts";
export { createOnce, forgetRequests, type IdempotentRequest, isRequestId } from "./idempotency.ts";
export { migrate, migrateWhenReachable } from "./migrate.ts";
export { fromSqlError, isRetryable, violatedConstraint } from "./sql-errors.ts";

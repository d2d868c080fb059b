export {
  type DatabaseConfig,
  inTransaction,
  openDatabase,
  type Queryable,
  query,
  type Sql,
  type Transaction,
} from "./database.ts";
export { createOnce, type IdempotentRequest } from "./idempotency.ts";
export { migrate } from "./migrate.ts";
export { fromSqlError, isRetryable, violatedConstraint } from "./sql-errors.ts";

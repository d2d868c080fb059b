import { PlatformError } from "@millrace/errors";
import postgres from "postgres";
import { commitListener } from "./commit-listener.ts";
import { fromSqlError, isRetryable } from "./sql-errors.ts";

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
/** A store's statements run on either. */
export type Queryable = Sql | Transaction;

export interface DatabaseConfig {
  /** `postgres://user:password@host:port/database`; never logged. */
  url: string;
  /** The service's own schema; nobody else reads it. */
  schema: string;
  connectionsMax?: number;
}

const CONNECT_TIMEOUT_S = 5;
const IDLE_TIMEOUT_S = 60;
const CLOSE_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 15_000;
const TRANSACTION_ATTEMPTS_MAX = 4;
// OIDs of pg_type, the same in every server.
const [INT4_ARRAY, TEXT_ARRAY, INT8_ARRAY, TIMESTAMPTZ_ARRAY] = [1007, 1009, 1016, 1185];

/**
 * What every connection needs. The client would ask the server for its array types as soon as it is connected, and nobody could catch
 * that question's failure: a server that goes away at this moment would end the process. So it is told which arrays statements
 * take; lists in answers are JSON (`to_json`).
 */
export const CONNECTION_OPTIONS = {
  fetch_types: false,
  onnotice: () => {},
  types: {
    array: {
      to: TEXT_ARRAY,
      from: [INT4_ARRAY, TEXT_ARRAY, INT8_ARRAY, TIMESTAMPTZ_ARRAY],
      serialize: arrayLiteral,
      parse: String,
    },
  },
};

/** A pool of connections whose search path is the service's schema. Connects on first use. */
export function openDatabase(config: DatabaseConfig): Sql {
  return postgres(config.url, {
    ...CONNECTION_OPTIONS,
    max: config.connectionsMax ?? 10,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    connection: { search_path: config.schema, statement_timeout: STATEMENT_TIMEOUT_MS },
    transform: postgres.camel,
  });
}

/** Lets running statements end, for a moment; for the drain of a service. */
export function closeDatabase(sql: Sql): Promise<void> {
  return sql.end({ timeout: CLOSE_TIMEOUT_S });
}

/** Runs `work` in a transaction; serialisation failures and deadlocks are tried again, at most four times in all. */
export async function inTransaction<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const listener = commitListener();
  for (let attempt = 1; ; attempt++) {
    try {
      const result = (await sql.begin(async (tx) => {
        const answer = await work(tx);
        await listener?.beforeCommit(tx, answer);
        return answer;
      })) as T;
      listener?.committed();
      return result;
    } catch (error) {
      if (attempt < TRANSACTION_ATTEMPTS_MAX && isRetryable(error)) continue;
      throw error instanceof PlatformError ? error : fromSqlError(error);
    }
  }
}

/** Runs one statement or a few reads, with database errors turned into the platform's. */
export async function query<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromSqlError(error);
  }
}

function arrayLiteral(values: readonly unknown[]): string {
  const elements = values.map((value) => (value === null ? "NULL" : `"${String(value).replace(/["\\]/g, "\\$&")}"`));
  return `{${elements.join()}}`;
}

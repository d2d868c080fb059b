import type { InvocationUsage, RequestUsage } from "@millrace/proto/invocation/v1/usage";
import { DURATION_BOUNDS_MS } from "@millrace/telemetry";

// What is counted of requests and of invocations. Both are kept alike: the lists below are the columns, so that one set of statements
// serves both.

export type RequestTotals = Omit<RequestUsage, "hostLabel" | "api" | "keyId">;
export type InvocationTotals = Omit<InvocationUsage, "functionUid" | "version">;

export interface TotalsOf {
  requests: RequestTotals;
  invocations: InvocationTotals;
}

export type UsageKind = keyof TotalsOf;
export type Level = "minutes" | "hours" | "days";

/** Where the counts of one kind are kept. */
export interface UsageShape {
  table: string;
  /** What a series is called by; the first of them leads the primary key. */
  keys: readonly string[];
  /** Who told of a minute. */
  source: string;
  sums: readonly string[];
  /** The largest of these counts, not their sum. */
  peaks: readonly string[];
}

export const USAGE: Record<UsageKind, UsageShape> = {
  requests: {
    table: "request_usage",
    keys: ["host_label", "api", "key_id"],
    source: "gateway",
    sums: [
      "count",
      "status_2xx",
      "status_3xx",
      "status_4xx",
      "status_5xx",
      "unanswered",
      "limited",
      "failed_gateway",
      "failed_dispatch",
      "failed_runner",
      "failed_function",
      "failed_backend",
      "bytes_in",
      "bytes_out",
      "duration_us",
    ],
    peaks: [],
  },
  invocations: {
    table: "invocation_usage",
    keys: ["function_uid", "version"],
    source: "runner",
    sums: [
      "count",
      "function_errors",
      "init_failures",
      "timeouts",
      "out_of_memory",
      "lost",
      "cancelled",
      "throttled",
      "cold_starts",
      "begun",
      "duration_us",
      "wait_us",
      "cpu_us",
      "bytes_in",
      "bytes_out",
    ],
    peaks: ["memory_kib_max"],
  },
};

/** The histogram's, in the order of its buckets. */
export const DURATION_COLUMNS: readonly string[] = [...DURATION_BOUNDS_MS.map((bound) => `within_${bound}`), "beyond"];

export const LEVEL_MS: Record<Level, number> = { minutes: 60_000, hours: 3_600_000, days: 86_400_000 };

/** The beginning of the minute, hour or day of UTC that holds an instant. */
export function beginningOf(level: Level, at: Date): Date {
  return new Date(at.getTime() - (at.getTime() % LEVEL_MS[level]));
}

/** How a column is called in TypeScript, and in the messages. */
export function camel(column: string): string {
  return column.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

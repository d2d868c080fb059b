import { quantileMs } from "@millrace/telemetry";
import type { InvocationTotals, RequestTotals } from "./usage.ts";

// The closed table of what can be asked of a project's usage. A value is null where there was nothing to take it of: a share of no requests
// is neither good nor bad.

interface Row<Kind extends "requests" | "invocations", Totals> {
  of: Kind;
  unit: "" | "ratio" | "ms" | "bytes" | "calls";
  meaning: string;
  /** `windowMs` is how long the totals were counted. */
  read(totals: Totals, windowMs: number): number | null;
}

export type Metric = Row<"requests", RequestTotals> | Row<"invocations", InvocationTotals>;

type ReadRequests = (totals: RequestTotals) => number | null;
type ReadInvocations = (totals: InvocationTotals, windowMs: number) => number | null;

function requests(unit: Metric["unit"], meaning: string, read: ReadRequests): Metric {
  return { of: "requests", unit, meaning, read };
}

function invocations(unit: Metric["unit"], meaning: string, read: ReadInvocations): Metric {
  return { of: "invocations", unit, meaning, read };
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function meanMs({ durationUs, count }: { durationUs: number; count: number }): number | null {
  return share(durationUs / 1_000, count);
}

export function errorsOf(totals: InvocationTotals): number {
  const { functionErrors, initFailures, timeouts, outOfMemory, lost } = totals;
  return functionErrors + initFailures + timeouts + outOfMemory + lost;
}

export const METRICS = {
  requests: requests("", "Requests that ended", ({ count }) => count),
  requests_2xx: requests("", "Answered 200 to 299", ({ status2xx }) => status2xx),
  requests_3xx: requests("", "Answered 300 to 399", ({ status3xx }) => status3xx),
  requests_4xx: requests("", "Answered 400 to 499", ({ status4xx }) => status4xx),
  requests_5xx: requests("", "Answered 500 to 599", ({ status5xx }) => status5xx),
  requests_succeeded: requests("", "Answered 200 to 399", (t) => t.status2xx + t.status3xx),
  request_exceptions: requests("", "Answered 400 to 599", (t) => t.status4xx + t.status5xx),
  requests_unanswered: requests("", "The caller left before there was an answer", ({ unanswered }) => unanswered),
  requests_limited: requests("", "Answered 429", ({ limited }) => limited),
  error_rate: requests("ratio", "Share of requests answered 500 to 599", (t) => share(t.status5xx, t.count)),
  client_error_rate: requests("ratio", "Share of requests answered 400 to 499", (t) => share(t.status4xx, t.count)),
  failures_gateway: requests("", "Refused by the gateway, with a reason", ({ failedGateway }) => failedGateway),
  failures_dispatch: requests("", "Failed on the way to a runner", ({ failedDispatch }) => failedDispatch),
  failures_runner: requests("", "Failed at a runner", ({ failedRunner }) => failedRunner),
  failures_function: requests("", "Failed in the function", ({ failedFunction }) => failedFunction),
  failures_backend: requests("", "Failed at an HTTP backend", ({ failedBackend }) => failedBackend),
  request_bytes: requests("bytes", "Bodies that callers sent", ({ bytesIn }) => bytesIn),
  response_bytes: requests("bytes", "Bodies that callers were sent", ({ bytesOut }) => bytesOut),
  traffic: requests("bytes", "Bodies both ways", (t) => t.bytesIn + t.bytesOut),
  latency_mean: requests("ms", "From the head of a request to the end of its answer, mean", meanMs),
  latency_p50: requests("ms", "The same, median", ({ durations }) => quantileMs(durations, 0.5)),
  latency_p90: requests("ms", "The same, 90th percentile", ({ durations }) => quantileMs(durations, 0.9)),
  latency_p95: requests("ms", "The same, 95th percentile", ({ durations }) => quantileMs(durations, 0.95)),
  latency_p99: requests("ms", "The same, 99th percentile", ({ durations }) => quantileMs(durations, 0.99)),

  invocations: invocations("", "Calls of the function that are over", ({ count }) => count),
  billable_invocations: invocations("", "Calls that an instance began", ({ begun }) => begun),
  invocation_errors: invocations("", "Calls that failed, for whatever reason but the caller's leaving", errorsOf),
  invocation_error_rate: invocations("ratio", "Share of calls that failed", (t) => share(errorsOf(t), t.count)),
  function_errors: invocations("", "The function threw, or answered what is no response", (t) => t.functionErrors),
  init_failures: invocations("", "The function could not be loaded", ({ initFailures }) => initFailures),
  timeouts: invocations("", "The function did not answer in time", (t) => t.timeouts),
  out_of_memory: invocations("", "The function needed more memory than it has", (t) => t.outOfMemory),
  lost: invocations("", "Lost with their instance", ({ lost }) => lost),
  cancelled: invocations("", "The caller left before there was an answer", ({ cancelled }) => cancelled),
  throttles: invocations("", "Attempts refused at a limit of the function or its project", (t) => t.throttled),
  cold_starts: invocations("", "Calls that waited for an instance to load", ({ coldStarts }) => coldStarts),
  duration_mean: invocations("ms", "From acceptance to the end of a call, mean", meanMs),
  duration_p50: invocations("ms", "The same, median", ({ durations }) => quantileMs(durations, 0.5)),
  duration_p90: invocations("ms", "The same, 90th percentile", ({ durations }) => quantileMs(durations, 0.9)),
  duration_p95: invocations("ms", "The same, 95th percentile", ({ durations }) => quantileMs(durations, 0.95)),
  duration_p99: invocations("ms", "The same, 99th percentile", ({ durations }) => quantileMs(durations, 0.99)),
  cpu: invocations("ms", "Processor time of the calls", ({ cpuUs }) => cpuUs / 1_000),
  memory_max: invocations("bytes", "The most that an instance held at a call's end", (t) =>
    t.memoryKibMax === 0 ? null : t.memoryKibMax * 1_024,
  ),
  concurrency: invocations("calls", "Calls that ran at a time, mean", (t, windowMs) => t.durationUs / 1_000 / windowMs),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;

export function isMetric(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}

/** The metric's value over totals of its kind. */
export function metricValue(
  name: MetricName,
  totals: RequestTotals | InvocationTotals,
  windowMs: number,
): number | null {
  const metric: Metric = METRICS[name];
  if (metric.of === "requests") return metric.read(totals as RequestTotals, windowMs);
  return metric.read(totals as InvocationTotals, windowMs);
}

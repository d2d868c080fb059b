// Every metric that the processes show at /metrics and push over OTLP: dashboards and alert rules are written against this table, and a test
// holds it against running processes. docs/reference/metrics.md is made of it.

export type MetricService = "gateway" | "function-runner" | "control-plane" | "auth" | "console";

export interface MetricRow {
  /** As /metrics has it; a histogram has it with _bucket, _sum and _count behind. */
  name: string;
  type: "counter" | "gauge" | "histogram";
  unit: "" | "seconds" | "bytes";
  labels: readonly string[];
  services: readonly MetricService[];
  meaning: string;
  /** It is there only after something has happened, or when something is set. */
  when?: string;
}

const EVERY = ["gateway", "function-runner", "control-plane", "auth", "console"] as const;
const CONTROL = ["control-plane"] as const;
const STORED = ["control-plane", "auth"] as const;
const GATEWAY = ["gateway"] as const;
const RUNNER = ["function-runner"] as const;

type Given = Partial<Pick<MetricRow, "unit" | "labels" | "when">>;

function row(
  type: MetricRow["type"],
  services: readonly MetricService[],
  name: string,
  meaning: string,
  given: Given = {},
): MetricRow {
  return { unit: "", labels: [], ...given, name: `millrace_${name}`, type, services, meaning };
}

const API = ["project", "group", "environment", "api"];
const FUNCTION = ["project", "function"];
const SERVED = "after a request";
const EXPORTING = "when an OTLP endpoint is set";

export const METRICS_TABLE: readonly MetricRow[] = [
  row("gauge", EVERY, "process_event_loop_delay_seconds", "How late the event loop was in the last 10 s", {
    unit: "seconds",
    labels: ["quantile"],
  }),
  row("counter", EVERY, "process_cpu_seconds_total", "Processor time", { unit: "seconds" }),
  row("gauge", EVERY, "process_resident_memory_bytes", "Resident memory", { unit: "bytes" }),
  row("counter", EVERY, "metrics_pushes_total", "Pushes of metrics to a collector", {
    labels: ["outcome"],
    when: EXPORTING,
  }),
  row("counter", EVERY, "trace_spans_exported_total", "Spans that a collector took", { when: EXPORTING }),
  row("counter", EVERY, "trace_spans_dropped_total", "Spans that nobody got", { labels: ["why"], when: EXPORTING }),

  row("counter", GATEWAY, "gateway_requests_total", "Requests, also those that no deployment had", {
    labels: ["status", "reason"],
    when: SERVED,
  }),
  row("histogram", GATEWAY, "gateway_request_duration_seconds", "From the head of a request to the end of its answer", {
    unit: "seconds",
  }),
  row("counter", GATEWAY, "gateway_api_requests_total", "Requests by API; `class` is 2xx to 5xx, or unanswered", {
    labels: [...API, "class"],
    when: SERVED,
  }),
  row("histogram", GATEWAY, "gateway_api_request_duration_seconds", "The same duration by API", {
    unit: "seconds",
    labels: API,
    when: SERVED,
  }),
  row("gauge", GATEWAY, "gateway_requests_in_flight", "Requests without an end yet"),
  row("gauge", GATEWAY, "gateway_calls_open", "Invocations that are at a runner"),
  row("gauge", GATEWAY, "gateway_calls_waiting", "Length of the queue: invocations that wait for a free slot"),
  row("gauge", GATEWAY, "gateway_runners", "Runners that beat"),
  row("gauge", GATEWAY, "gateway_deployments", "Deployments that are known"),
  row("gauge", GATEWAY, "gateway_derived_keys", "Signing keys that are held"),
  row("gauge", GATEWAY, "gateway_held_body_bytes", "Bodies that are held whole", { unit: "bytes" }),
  row("gauge", GATEWAY, "gateway_backend_calls", "Requests that are at http backends"),
  row("gauge", GATEWAY, "gateway_backend_origins", "Http backends that were asked lately"),
  row("gauge", GATEWAY, "gateway_backend_circuits_open", "Http backends that fail too often to be asked"),
  row("counter", GATEWAY, "gateway_frames_foreign_total", "Frames that runners sent for calls of other runners"),
  row("counter", GATEWAY, "gateway_request_events_dropped_total", "Requests that the stream was not told of"),
  row("counter", GATEWAY, "gateway_access_log_dropped_total", "Lines that standard output was too slow for"),
  row(
    "counter",
    GATEWAY,
    "gateway_usage_series_dropped_total",
    "Requests beyond the bound of series, and series of minutes that the bus did not take",
  ),
  row(
    "counter",
    GATEWAY,
    "gateway_tls_handshakes_refused_total",
    "TLS handshakes that came to nothing; `why` is no_certificate, no_agreement, caller_refused, caller_left or timeout",
    { labels: ["why"], when: "when HTTPS is set" },
  ),
  row(
    "counter",
    GATEWAY,
    "gateway_nonces_unchecked_total",
    "Signed safe requests that passed while the store of nonces was away",
    { when: "after one did" },
  ),

  row("gauge", RUNNER, "runner_slots", "Invocations that run at a time at most"),
  row("gauge", RUNNER, "runner_slots_busy", "Invocations that run"),
  row("gauge", RUNNER, "runner_instances", "Threads that hold a function version"),
  row("gauge", RUNNER, "runner_isolation_tier", "1 for the tier that the sandboxes have, 0 for the others", {
    labels: ["tier"],
  }),
  row("counter", RUNNER, "runner_rejections_total", "Invocations not taken", { labels: ["rejection"] }),
  row("counter", RUNNER, "runner_function_invocations_total", "Invocations; `outcome` is ok, or why they failed", {
    labels: [...FUNCTION, "outcome"],
    when: "after an invocation",
  }),
  row("histogram", RUNNER, "runner_function_duration_seconds", "From acceptance to the end of an invocation", {
    unit: "seconds",
    labels: FUNCTION,
    when: "after an invocation",
  }),
  ...(
    [
      ["runner_function_cold_starts_total", "Invocations that waited for their instance to load", ""],
      ["runner_function_cpu_seconds_total", "Processor time of the invocations", "seconds"],
      ["runner_function_bytes_in_total", "Requests, head and body", "bytes"],
      ["runner_function_bytes_out_total", "Responses, head and body", "bytes"],
    ] as const
  ).map(([name, meaning, unit]) =>
    row("counter", RUNNER, name, meaning, { unit, labels: FUNCTION, when: "after an invocation" }),
  ),
  row("gauge", RUNNER, "runner_function_memory_bytes_max", "The most that an instance held at a call's end", {
    unit: "bytes",
    labels: FUNCTION,
    when: "after an invocation",
  }),
  row("counter", RUNNER, "runner_sandboxes_started_total", "Sandboxes started"),
  row("counter", RUNNER, "runner_sandbox_violations_total", "Sandboxes killed for what they sent"),
  row("counter", RUNNER, "runner_log_entries_dropped_total", "Log lines and ends of invocations not told of"),
  row("counter", RUNNER, "runner_egress_connections_total", "Connections of functions, by what became of them", {
    labels: ["outcome"],
    when: "after a connection",
  }),
  row("counter", RUNNER, "runner_egress_bytes_total", "What functions sent and received over their connections", {
    unit: "bytes",
    labels: ["direction"],
  }),
  row("counter", RUNNER, "runner_egress_unwritten_total", "Lines of the egress audit over the bound"),
  row(
    "counter",
    RUNNER,
    "runner_usage_series_dropped_total",
    "Invocations beyond the bound of series, and series of minutes that the bus did not take",
  ),

  row(
    "gauge",
    CONTROL,
    "control_plane_stream_waiting",
    "Messages of a stream that are not stored yet; NaN while the bus is away",
    {
      labels: ["stream"],
    },
  ),
  row("counter", CONTROL, "control_plane_events_missing_total", "Requests, and lines of logs, told of and not kept", {
    labels: ["stream", "cause"],
  }),
  row("counter", CONTROL, "control_plane_alarm_evaluations_total", "Evaluations of alarms", { labels: ["outcome"] }),
  row(
    "gauge",
    CONTROL,
    "control_plane_alarm_overdue_seconds",
    "How long after its time the newest evaluation was made; 0 once none is due",
    {
      unit: "seconds",
    },
  ),
  row(
    "counter",
    CONTROL,
    "control_plane_alarm_attempts_total",
    "Attempts to tell webhooks of alarms, by what became of the delivery",
    { labels: ["outcome"] },
  ),
  row("gauge", CONTROL, "control_plane_alarm_deliveries", "Deliveries to webhooks that are under way"),

  row("counter", STORED, "rpc_calls_total", "Calls; `code` is gRPC's, in small letters", {
    labels: ["method", "code"],
    when: "after a call",
  }),
  row("histogram", STORED, "rpc_call_duration_seconds", "From a call's beginning to its end; streams are left out", {
    unit: "seconds",
    labels: ["method"],
    when: "after a call",
  }),
  row("gauge", STORED, "outbox_marks", "Keys of the bus that wait to be written"),
  row("gauge", STORED, "outbox_oldest_mark_seconds", "Outbox lag: how long the oldest of them has waited", {
    unit: "seconds",
  }),
  row("histogram", STORED, "projection_lag_seconds", "From a key's mark to its being written to the bus", {
    unit: "seconds",
  }),
];

import type { Telemetry } from "@millrace/telemetry";
import { REASONS, type Refusal } from "../answering/reasons.ts";
import type { Exchange } from "../edge/exchange.ts";

export interface GatewayGauges {
  backendCalls: () => number;
  backendOrigins: () => number;
  openCircuits: () => number;
  openCalls: () => number;
  waitingCalls: () => number;
  runners: () => number;
  foreignFrames: () => number;
  deployments: () => number;
  derivedKeys: () => number;
  heldBodyBytes: () => number;
  inFlight: () => number;
  droppedLogLines: () => number;
  droppedEvents: () => number;
}

export interface GatewayMetrics {
  countRequest(exchange: Exchange, durationMs: number): void;
  /** What came was no request. */
  countUnparsed(refusal: Refusal): void;
  /** A safe request passed although its nonce could not be checked. */
  countUncheckedNonce(): void;
}

const GAUGES: Record<keyof GatewayGauges, { name: string; description: string }> = {
  backendCalls: { name: "gateway_backend_calls", description: "Requests that are at http backends" },
  backendOrigins: { name: "gateway_backend_origins", description: "Http backends that were asked lately" },
  openCircuits: { name: "gateway_backend_circuits_open", description: "Http backends that fail too often to be asked" },
  openCalls: { name: "gateway_calls_open", description: "Invocations that are at a runner" },
  waitingCalls: { name: "gateway_calls_waiting", description: "Invocations that wait for a free slot" },
  runners: { name: "gateway_runners", description: "Runners that beat" },
  foreignFrames: { name: "gateway_frames_foreign", description: "Frames that runners sent for calls of other runners" },
  deployments: { name: "gateway_deployments", description: "Deployments that are known" },
  derivedKeys: { name: "gateway_derived_keys", description: "Signing keys that are held" },
  heldBodyBytes: { name: "gateway_held_body_bytes", description: "Bodies that are held whole" },
  inFlight: { name: "gateway_requests_in_flight", description: "Requests without an end yet" },
  droppedEvents: { name: "gateway_request_events_dropped", description: "Requests that the stream was not told of" },
  droppedLogLines: { name: "gateway_access_log_dropped", description: "Lines that standard output was too slow for" },
};

export function createMetrics(meter: Telemetry["meter"], gauges: GatewayGauges): GatewayMetrics {
  const requests = meter.createCounter("gateway_requests", {
    description: "Requests by deployment, status and reason",
  });
  const durations = meter.createHistogram("gateway_request_duration", {
    description: "From the head of a request to the end of its answer",
    unit: "s",
    advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] },
  });
  const unchecked = meter.createCounter("gateway_nonces_unchecked", {
    description: "Signed safe requests that passed while the store of nonces was away",
  });
  for (const [key, { name, description }] of Object.entries(GAUGES) as [
    keyof GatewayGauges,
    { name: string; description: string },
  ][]) {
    meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(gauges[key]()));
  }
  return {
    countRequest(exchange, durationMs) {
      const label = exchange.deployment?.hostLabel ?? "";
      requests.add(1, { host_label: label, status: exchange.response.statusCode, reason: exchange.reason ?? "" });
      durations.record(durationMs / 1_000, { host_label: label });
    },
    countUnparsed: ({ reason }) => requests.add(1, { host_label: "", status: REASONS[reason].status, reason }),
    countUncheckedNonce: () => unchecked.add(1),
  };
}

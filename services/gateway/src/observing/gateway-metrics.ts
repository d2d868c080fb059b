import { bucketOf, DURATION_BUCKETS, type Telemetry } from "@millrace/telemetry";
import { REASONS, type Refusal } from "../answering/reasons.ts";

export interface GatewayGauges {
  backendCalls: () => number;
  backendOrigins: () => number;
  openCircuits: () => number;
  openCalls: () => number;
  waitingCalls: () => number;
  runners: () => number;
  deployments: () => number;
  derivedKeys: () => number;
  heldBodyBytes: () => number;
  inFlight: () => number;
}

/** What only grows. */
export interface GatewayCounts {
  foreignFrames: () => number;
  droppedLogLines: () => number;
  droppedEvents: () => number;
}

export interface GatewayMetrics {
  /** `reason` is of the error table, `caller_gone`, or empty. */
  countRequest(status: number, reason: string, durationMs: number): void;
  /** What came was no request. */
  countUnparsed(refusal: Refusal): void;
  /** A safe request passed although its nonce could not be checked. */
  countUncheckedNonce(): void;
}

interface Naming {
  name: string;
  description: string;
}

const GAUGES: Record<keyof GatewayGauges, Naming> = {
  backendCalls: { name: "gateway_backend_calls", description: "Requests that are at http backends" },
  backendOrigins: { name: "gateway_backend_origins", description: "Http backends that were asked lately" },
  openCircuits: { name: "gateway_backend_circuits_open", description: "Http backends that fail too often to be asked" },
  openCalls: { name: "gateway_calls_open", description: "Invocations that are at a runner" },
  waitingCalls: { name: "gateway_calls_waiting", description: "Invocations that wait for a free slot" },
  runners: { name: "gateway_runners", description: "Runners that beat" },
  deployments: { name: "gateway_deployments", description: "Deployments that are known" },
  derivedKeys: { name: "gateway_derived_keys", description: "Signing keys that are held" },
  heldBodyBytes: { name: "gateway_held_body_bytes", description: "Bodies that are held whole" },
  inFlight: { name: "gateway_requests_in_flight", description: "Requests without an end yet" },
};

const COUNTS: Record<keyof GatewayCounts, Naming> = {
  foreignFrames: {
    name: "gateway_frames_foreign_total",
    description: "Frames that runners sent for calls of other runners",
  },
  droppedEvents: {
    name: "gateway_request_events_dropped_total",
    description: "Requests that the stream was not told of",
  },
  droppedLogLines: {
    name: "gateway_access_log_dropped_total",
    description: "Lines that standard output was too slow for",
  },
};

type Metering = Pick<Telemetry, "meter" | "addHistogram">;

export function createMetrics(
  { meter, addHistogram }: Metering,
  gauges: GatewayGauges,
  counts: GatewayCounts,
): GatewayMetrics {
  const requests = countByOutcome(meter);
  const durations = { durations: new Array<number>(DURATION_BUCKETS).fill(0), durationUs: 0 };
  addHistogram({
    name: "gateway_request_duration_seconds",
    description: "From the head of a request to the end of its answer",
    read: () => [{ ...durations, labels: {} }],
  });
  const unchecked = meter.createCounter("gateway_nonces_unchecked_total", {
    description: "Signed safe requests that passed while the store of nonces was away",
  });
  for (const [key, { name, description }] of entriesOf(GAUGES)) {
    meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(gauges[key]()));
  }
  for (const [key, { name, description }] of entriesOf(COUNTS)) {
    meter.createObservableCounter(name, { description }).addCallback((result) => result.observe(counts[key]()));
  }
  return {
    countRequest(status, reason, durationMs) {
      requests.add(status, reason);
      durations.durations[bucketOf(durationMs)]!++;
      durations.durationUs += Math.round(durationMs * 1_000);
    },
    countUnparsed: ({ reason }) => requests.add(REASONS[reason].status, reason),
    countUncheckedNonce: () => unchecked.add(1),
  };
}

function entriesOf<K extends string>(namings: Record<K, Naming>): [K, Naming][] {
  return Object.entries(namings) as [K, Naming][];
}

/** OpenTelemetry's own counter makes a text of the labels each time. */
function countByOutcome(meter: Telemetry["meter"]) {
  const counts = new Map<string, Map<number, number>>();
  meter
    .createObservableCounter("gateway_requests_total", { description: "Requests by status and reason" })
    .addCallback((result) => {
      for (const [reason, byStatus] of counts) {
        for (const [status, count] of byStatus) result.observe(count, { status, reason });
      }
    });
  return {
    add(status: number, reason: string): void {
      const byStatus = counts.get(reason) ?? new Map<number, number>();
      counts.set(reason, byStatus);
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    },
  };
}

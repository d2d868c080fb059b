import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** A span that is over: it is made when it is known that somebody wants it. */
export interface FinishedSpan {
  traceId: string;
  spanId: string;
  /** Empty for the first of a trace. */
  parentSpanId: string;
  name: string;
  kind: keyof typeof KINDS;
  /** Of the wall clock, with fractions. */
  startedAtMs: number;
  endedAtMs: number;
  attributes: Attributes;
  /** Why it failed; undefined when it did not. */
  error?: string | undefined;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;
const SCOPE = { name: "millrace" };

/** As OpenTelemetry's exporters read it. */
export function readableSpan(span: FinishedSpan, resource: Resource): ReadableSpan {
  const { traceId, parentSpanId, error } = span;
  const contextOf = (spanId: string) => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => contextOf(span.spanId),
    ...(parentSpanId !== "" && { parentSpanContext: contextOf(parentSpanId) }),
    startTime: timeOf(span.startedAtMs),
    endTime: timeOf(span.endedAtMs),
    duration: timeOf(Math.max(0, span.endedAtMs - span.startedAtMs)),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds, and nanoseconds beyond them. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1_000_000))];
}

/** What to add to an instant of `performance.now()` to have it on the wall clock as that stands now. */
export function wallClockOffsetMs(): number {
  return Date.now() - performance.now();
}

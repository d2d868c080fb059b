import { ROOT_CONTEXT, type Span, SpanKind, type Tracer, trace } from "@opentelemetry/api";

/** The caller's span as its `traceparent` names it. */
export interface RemoteParent {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  sampled: boolean;
}

/** Begins the span of a request that is being served; without a parent it begins a trace. */
export function startServerSpan(tracer: Tracer, name: string, parent: RemoteParent | null): Span {
  if (parent === null) return tracer.startSpan(name, { kind: SpanKind.SERVER }, ROOT_CONTEXT);
  const { traceId, spanId, sampled } = parent;
  const remote = { traceId, spanId, traceFlags: sampled ? 1 : 0, isRemote: true };
  return tracer.startSpan(name, { kind: SpanKind.SERVER }, trace.setSpanContext(ROOT_CONTEXT, remote));
}

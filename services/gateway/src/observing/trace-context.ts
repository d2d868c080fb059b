import { randomHex } from "./random-ids.ts";

// W3C Trace Context: the caller's trace goes on, or a new one begins; either way this hop has a span of its own.

export interface TraceParent {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  sampled: boolean;
}

/** This hop's part of a trace. */
export interface RequestSpan extends TraceParent {
  end(outcome: SpanOutcome): void;
}

export interface SpanOutcome {
  status: number;
  route: string;
  reason: string;
}

/** Begins the span of a request; `parent` is null when the caller sent no usable context. */
export type BeginSpan = (parent: TraceParent | null, method: string) => RequestSpan;

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

export function readTraceparent(header: string): TraceParent | null {
  const match = header === "" ? null : TRACEPARENT.exec(header);
  if (match === null) return null;
  return { traceId: match[1]!, spanId: match[2]!, sampled: (Number.parseInt(match[3]!, 16) & 1) === 1 };
}

export function writeTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
}

/** Passes a trace on without recording it: what a gateway does that exports nothing. */
export const beginUnrecordedSpan: BeginSpan = (parent) => ({
  traceId: parent?.traceId ?? randomHex(16),
  spanId: randomHex(8),
  sampled: parent?.sampled ?? false,
  end() {},
});

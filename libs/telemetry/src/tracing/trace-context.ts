// W3C Trace Context (https://www.w3.org/TR/trace-context/): the caller's trace goes on, or a new one begins.

/** A span of somebody's, as `traceparent` names it. */
export interface TraceParent {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  sampled: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/** Null when it is none that can be gone on with. */
export function readTraceparent(header: string): TraceParent | null {
  const match = header === "" ? null : TRACEPARENT.exec(header);
  if (match === null) return null;
  return { traceId: match[1]!, spanId: match[2]!, sampled: (Number.parseInt(match[3]!, 16) & 1) === 1 };
}

export function writeTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
}

/**
 * The spans of one request that others must be able to name before they exist. Each is made of the one above it, so that gateway, runner
 * and instance come to the same id without telling each other: its first digit is another one.
 *
 *   gateway's span ──▶ its call of a backend ──▶ the function
 */
export function spanBelow(spanId: string): string {
  return `${BELOW[Number.parseInt(spanId[0]!, 16)]}${spanId.slice(1)}`;
}

/** Adds 5 to a digit: three of them in a row are three digits. */
const BELOW = "56789abcdef01234";

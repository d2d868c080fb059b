import { OWN_SPAN_LIMITS } from "../limits.ts";
import type { OwnSpan, OwnSpans } from "../sandbox/sandbox-frames.ts";

const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
/** Names that only the platform gives. */
const RESERVED = /^(?:millrace|service|telemetry|faas)\./;
const NONE: OwnSpans = { spans: [], dropped: 0 };

/**
 * What an instance says that its function has measured. Any bytes may come: what cannot be read is left out, and what is too much is cut.
 * `taken` are ids that a function's span cannot have; a parent that is not among the spans is none.
 */
export function readOwnSpans(payload: Buffer, taken: ReadonlySet<string>): OwnSpans {
  const told = parsed(payload);
  if (!Array.isArray(told?.spans)) return NONE;
  const byId = new Map<string, OwnSpan>();
  for (const value of told.spans.slice(0, OWN_SPAN_LIMITS.spansMax) as unknown[]) {
    const span = readSpan(value);
    if (span && !taken.has(span.id) && !byId.has(span.id)) byId.set(span.id, span);
  }
  const spans = [...byId.values()].map((span) => (byId.has(span.parent) ? span : { ...span, parent: "" }));
  const left = told.spans.length - spans.length;
  return { spans, dropped: left + counted(told.dropped) };
}

function parsed(payload: Buffer): { spans?: unknown; dropped?: unknown } | null {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return null;
  }
}

function readSpan(value: unknown): OwnSpan | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, kind, parent, name, startMs, endMs, attributes, error } = value as Record<string, unknown>;
  if (typeof id !== "string" || !SPAN_ID.test(id) || typeof name !== "string" || !isTime(startMs)) return null;
  return {
    id,
    kind: kind === "client" ? "client" : "internal",
    parent: typeof parent === "string" && parent !== id ? parent : "",
    name: name.slice(0, OWN_SPAN_LIMITS.nameCharsMax),
    startMs,
    endMs: isTime(endMs) ? Math.max(startMs, endMs) : undefined,
    attributes: readAttributes(attributes),
    error: typeof error === "string" ? error.slice(0, OWN_SPAN_LIMITS.valueCharsMax) : undefined,
  };
}

function readAttributes(value: unknown): OwnSpan["attributes"] {
  const attributes: [string, string | number | boolean][] = [];
  if (typeof value !== "object" || value === null) return {};
  for (const [key, told] of Object.entries(value)) {
    if (attributes.length === OWN_SPAN_LIMITS.attributesMax) break;
    if (key === "" || key.length > OWN_SPAN_LIMITS.keyCharsMax || RESERVED.test(key)) continue;
    if (typeof told === "string") attributes.push([key, told.slice(0, OWN_SPAN_LIMITS.valueCharsMax)]);
    else if (typeof told === "boolean" || isNumber(told)) attributes.push([key, told as boolean | number]);
  }
  return Object.fromEntries(attributes);
}

function isTime(value: unknown): value is number {
  return isNumber(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function counted(value: unknown): number {
  return isTime(value) ? Math.min(Math.floor(value), 1_000_000) : 0;
}

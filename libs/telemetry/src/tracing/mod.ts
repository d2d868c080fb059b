export { traceCalls } from "./call-traces.ts";
export { type FinishedSpan, wallClockOffsetMs } from "./finished-span.ts";
export { TRACE_LIMITS } from "./limits.ts";
export { Sampling } from "./sampling.ts";
export type { Spans } from "./span-exports.ts";
export { readTraceparent, spanBelow, type TraceParent, writeTraceparent } from "./trace-context.ts";

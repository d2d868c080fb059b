// Every bound of tracing, each named with its unit.

export const TRACE_LIMITS = {
  /** Of one process. Traces that are kept a second: those that were sampled, those of failures, and those that took long. */
  sampledPerSecond: 100,
  failedPerSecond: 20,
  slowPerSecond: 5,
  /** What callers say is sampled; beyond it a caller's word counts for nothing. */
  calledSampledPerSecond: 20,
  /** What takes longer is kept although it was not sampled. */
  slowMs: 2_000,
  /** Spans that wait for the exporter; beyond it they are dropped and counted. */
  waitingMax: 4_096,
  /** They go out together: so many, or so long after the first. */
  batchMax: 512,
  flushMs: 1_000,
  /** For what waits when the process ends. */
  closeTimeoutMs: 2_000,
} as const;

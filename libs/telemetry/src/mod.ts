export { measureCalls } from "./call-metrics.ts";
export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export { startTelemetry, type Telemetry } from "./telemetry.ts";
export { bucketOf, DURATION_BOUNDS_MS, DURATION_BUCKETS, quantileMs } from "./usage/duration-buckets.ts";
export { USAGE_LIMITS } from "./usage/limits.ts";
export { OTHER_SERIES } from "./usage/other-series.ts";
export { UsageMinutes, type UsageWord } from "./usage/usage-minutes.ts";

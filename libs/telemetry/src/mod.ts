export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export { startTelemetry, type Telemetry } from "./telemetry.ts";
export { bucketOf, DURATION_BOUNDS_MS, DURATION_BUCKETS, quantileMs } from "./usage/duration-buckets.ts";

export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export { startTelemetry, type Telemetry } from "./telemetry.ts";

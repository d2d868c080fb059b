export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export { type RemoteParent, startServerSpan } from "./server-span.ts";
export { startTelemetry, type Telemetry } from "./telemetry.ts";

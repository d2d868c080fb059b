export { scheduleAsBatch } from "./batch-scheduling.ts";
export { type DrainLimits, Lifecycle, type LifecycleLog, type LifecycleState, type Resource } from "./lifecycle.ts";
export { type OperationsOptions, serveOperations } from "./operations-http.ts";
export { SessionGate } from "./session-gate.ts";

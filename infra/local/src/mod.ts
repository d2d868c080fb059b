export { enginesFolder, isRoot, repositoryRoot, unprivilegedHome } from "./paths.ts";
export { type Platform, type PlatformFile, type PlatformOptions, startPlatform } from "./platform/platform.ts";
export { ManagedProcess, type ProcessHost, type ProcessSpec } from "./processes/managed-process.ts";
export { choosePorts } from "./processes/ports.ts";
export { ProcessLedger } from "./processes/process-ledger.ts";
export { StopRequest } from "./stop-request.ts";

export { type Bridge, type BridgeAnswer, bridge } from "./support/bridge.ts";
export { BusObserver, type Heard } from "./support/bus-observer.ts";
export { Canaries } from "./support/canaries.ts";
export { Cli, type CliResult } from "./support/cli.ts";
export { assertRefused, type Expected, untilAnswer } from "./support/expect-answer.ts";
export { type Answer, type Call, exchange, type Problem, problemOf, send, splitUrl } from "./support/http.ts";
export { residentBytes } from "./support/memory.ts";
export { PlatformRpc } from "./support/platform-rpc.ts";
export { allProcesses, descendantsOf, type ProcessEntry, readProc } from "./support/processes.ts";
export {
  type AccessKeyPair,
  type ApiPlan,
  authorizeKey,
  type BearerKey,
  createAccessKey,
  createApi,
  createSubscriptionKey,
  type Environment,
  type FunctionPlan,
  freshId,
  functionBackend,
  mockBackend,
  type Plan,
  type Provisioned,
  provision,
  provisionFunction,
  release,
  uploadCode,
  uploadParts,
} from "./support/provision.ts";
export { Recorder } from "./support/recorder.ts";
export { ALGORITHMS, hostLabelOf, REGION, type SignedCall, sendSigned, signedCall } from "./support/signed-call.ts";
export { metricOf, operationsUrl, type TestPlatform, testPlatform } from "./support/test-platform.ts";

// Every name on the bus, in one place. ARCHITECTURE.md holds the same as a table.

export const SUBJECTS = {
  /** Batches of frames from gateways to one runner. */
  runner: (id: string) => `mr.runner.${id}`,
  /** Batches of frames from one runner to one gateway. */
  gateway: (id: string, runnerId: string) => `mr.gateway.${id}.${runnerId}`,
  /** A runner's counters to all gateways. */
  beat: (id: string) => `mr.beat.${id}`,
  /** Who joins as this runner or gateway, or has joined, tells others who would. */
  claim: (service: string, id: string) => `mr.claim.${service}.${id}`,
  /** What all gateways serve for a deployment, asked by control-plane. */
  serving: "mr.serving",
  /** What one gateway serves, or that it is there. */
  served: (gatewayId: string) => `mr.served.${gatewayId}`,
  /** Uploads to be built, to one runner of the queue group `builders`. */
  build: "mr.build",
  /** A function to be called once for control-plane, to one runner of the queue group `triers`. */
  trial: "mr.trial",
  /** What a function printed and how its invocations ended, as a runner tells it, into the stream `logs`. */
  log: (runnerId: string, project: string, functionUid: string) => `logs.${runnerId}.${project}.${functionUid}`,
  /** What became of requests, as a gateway tells it, into the stream `requests`. */
  requests: (gatewayId: string) => `requests.${gatewayId}`,
  /** What a gateway or a runner counted, into the stream `usage`. */
  usage: (teller: "gateway" | "runner", id: string) => `usage.${teller}.${id}`,
} as const;

export const BUCKETS = { releases: "releases", functions: "functions", grants: "grants" } as const;
export const OBJECT_STORES = { artifacts: "artifacts", uploads: "uploads", builds: "builds" } as const;
export const STREAMS = { logs: "logs", requests: "requests", usage: "usage" } as const;
export const BUILD_QUEUE_GROUP = "builders";
export const TRIAL_QUEUE_GROUP = "triers";

export type BucketName = keyof typeof BUCKETS;
export type ObjectStoreName = keyof typeof OBJECT_STORES;

export const KEYS = {
  deployment: (hostLabel: string) => `deployment.${hostLabel}`,
  domain: (host: string) => `domain.${host}`,
  snapshotPart: (digest: string, index: number) => `snapshot.${digest}.${index}`,
  functionVersion: (functionUid: string, version: number) => `version.${functionUid}.${version}`,
  alias: (functionUid: string, alias: string) => `alias.${functionUid}.${alias}`,
  accessKey: (keyId: string) => `access.${keyId}`,
  subscriptionKey: (hash: string) => `subscription.${hash}`,
  authorization: (hostLabel: string, keyId: string) => `authorization.${hostLabel}.${keyId}`,
} as const;
